"""All right, as a student writes it who imports NumPy alone."""

import numpy as np


class Parameter:
    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


class Linear:
    def __init__(self, in_features, out_features, rng=None):
        rng = np.random.default_rng(rng)
        bound = 1 / np.sqrt(in_features)
        self.weight = Parameter(rng.uniform(-bound, bound, (out_features, in_features)))
        self.bias = Parameter(np.zeros(out_features))

    def forward(self, x):
        self.x = x
        return x @ self.weight.data.T + self.bias.data

    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.x
        self.bias.grad += grad_output.sum(axis=0)
        return grad_output @ self.weight.data


class ReLU:
    def forward(self, x):
        self.on = x > 0
        return np.where(self.on, x, x.dtype.type(0))

    def backward(self, grad_output):
        return grad_output * self.on


class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, grad_output):
        return grad_output * self.y * (1 - self.y)


class CrossEntropyLoss:
    def forward(self, prediction, target):
        if target.ndim == 1:
            target = np.eye(prediction.shape[1])[target]
        s = prediction - prediction.max(axis=1, keepdims=True)
        total = np.exp(s).sum(axis=1, keepdims=True)
        self.p, self.y = np.exp(s) / total, target
        return float(np.sum(target * (np.log(total) - s)) / len(s))

    def backward(self):
        return (self.p - self.y) / len(self.y)


class SGD:
    def __init__(self, parameters, lr):
        self.parameters, self.lr = list(parameters), lr

    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                p.data = p.data - self.lr * p.grad

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None


def train_step(model, criterion, optimizer, x, y):
    loss = criterion.forward(model.forward(x), y)
    optimizer.zero_grad()
    model.backward(criterion.backward())
    optimizer.step()
    return loss
