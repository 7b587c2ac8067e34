"""Train a small convolutional network on scikit-learn's handwritten digits with PyTorch, through all of AI Lab."""

import argparse

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from torch import nn

import ailab.experiment.logging as log
from ailab.data import Dataset, TransformedDataset, rng
from ailab.data.pytorch import BatchedPytorchDataset
from ailab.experiment import Config


class Digits(Dataset):
    """Scans of digits, (1, 8, 8) float32 in 0..1; every fifth of a shuffled order is held out of the training."""

    version = "sklearn-1"

    def __init__(self, held_out: bool) -> None:
        images, digits = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(digits))
        chosen = order[::5] if held_out else np.delete(order, np.s_[::5])
        self.images = (images[chosen].reshape(-1, 1, 8, 8) / 16).astype(np.float32)
        self.digits = digits[chosen]

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index):
        return {"image": self.images[index]}, {"digit": self.digits[index]}


def random_shift(features, labels):
    """Move the image by up to one pixel each way; rng() depends on the seed, the epoch and the sample alone."""
    down, right = rng().integers(0, 3, size=2)
    padded = np.pad(features["image"], ((0, 0), (1, 1), (1, 1)))
    return {"image": padded[:, down : down + 8, right : right + 8]}, labels


def make_model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 4 * 4, 10),
    )  # fmt: skip


class DigitsConfig(Config):
    def __init__(self, epochs: int, seed: int) -> None:
        super().__init__()
        self.train.experiment_name = "digits-torch"
        self.train.batch_size = 32
        self.train.epochs = epochs
        self.train.seed = seed
        self.train.learning_rate.type = "onecycle"
        self.train.learning_rate.start_value = 0.01
        self.arch.model = make_model
        self.arch.loss = nn.functional.cross_entropy
        self.arch.metrics = ["accuracy"]
        self.arch.prepare = random_shift
        self.check_completness()


def predict(model, batches):
    """All images, their digits and the predicted ones, in the dataset's order or whatever ``batches`` has."""
    model.eval()
    with torch.no_grad():
        parts = [(x["image"], y["digit"], model(x["image"]).argmax(1)) for x, y in batches]
    return [torch.cat(part).numpy() for part in zip(*parts, strict=True)]


def log_mistakes(images, digits, predicted) -> None:
    """Log the confusion matrix, and the misread scans side by side; a black grid if there are none."""
    ConfusionMatrixDisplay.from_predictions(digits, predicted)
    log.log_image(name="ConfusionMatrix")  # the current figure
    plt.close()
    wrong = images[digits != predicted][:32, 0]
    grid = np.zeros((4 * 8, 8 * 8), np.float32)
    for place, image in enumerate(wrong):
        row, column = divmod(place, 8)
        grid[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = image
    log.log_image(name="Misclassified", data=grid.repeat(6, 0).repeat(6, 1)[..., None])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--epochs", type=int, default=12)
    arguments.add_argument("--seed", type=int, default=0)
    config = DigitsConfig(**vars(arguments.parse_args()))
    log.setup(config=config)
    torch.manual_seed(config.train.seed)
    torch.set_num_threads(1)  # so small a model gains nothing from more, and loses where others use the cores

    training = BatchedPytorchDataset(
        TransformedDataset(Digits(held_out=False), transformer=config.arch.prepare), seed=config.train.seed
    )
    held_out = BatchedPytorchDataset(Digits(held_out=True), shuffle=False)
    model = config.arch.model()
    rate, steps = config.train.learning_rate.start_value, config.train.epochs * len(training)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)

    for epoch in range(config.train.epochs):
        model.train()
        right = 0
        for batch, (features, labels) in enumerate(training):
            output = model(features["image"])
            loss = config.arch.loss(output, labels["digit"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            right += int((output.argmax(1) == labels["digit"]).sum())
            log.log_value(name="loss", value=loss, primary=True)
            log.update_progress((epoch * len(training) + batch + 1) / steps)
        images, digits, predicted = predict(model, held_out)
        accuracy = float(np.mean(digits == predicted))
        log.log_value(name="accuracy", value=right / len(training.dataset))
        log.log_value(name="held_out_accuracy", value=accuracy)
        log_mistakes(images, digits, predicted)
    print(f"held-out accuracy: {accuracy:.2%}")


if __name__ == "__main__":
    main()
