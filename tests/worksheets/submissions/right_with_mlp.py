"""All right, from the stubs: subclasses of the library's contracts."""

import numpy as np

from mlp import Layer, Loss, Optimizer, Parameter


class Linear(Layer):
    def __init__(self, in_features, out_features, *, rng=None):
        rng = np.random.default_rng(rng)
        self.weight = Parameter(rng.normal(size=(out_features, in_features)))
        self.bias = Parameter(rng.normal(size=out_features))

    def forward(self, x):
        self.x = x
        return x @ self.weight.data.T + self.bias.data

    def backward(self, grad_output):
        self.weight.add_grad(grad_output.T @ self.x)
        self.bias.add_grad(grad_output.sum(axis=0))
        return grad_output @ self.weight.data


class ReLU(Layer):
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, grad_output):
        return grad_output * (self.x > 0)


class Sigmoid(Layer):
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, grad_output):
        return grad_output * self.y * (1 - self.y)


class CrossEntropyLoss(Loss):
    def forward(self, prediction, target):
        if target.ndim == 1:
            target = np.eye(prediction.shape[1])[target]
        s = prediction - prediction.max(axis=1, keepdims=True)
        log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
        self.kept = np.exp(log_p) - target
        return -float(np.sum(target * log_p) / len(s))

    def backward(self):
        return self.kept / len(self.kept)


class SGD(Optimizer):
    def update(self, parameter, gradient, state):
        parameter.data -= self.lr * gradient


def train_step(model, criterion, optimizer, x, y):
    prediction = model.forward(x)
    loss = criterion.forward(prediction, y)
    optimizer.zero_grad()
    model.backward(criterion.backward(), needs_input_grad=False)
    optimizer.step()
    return loss
