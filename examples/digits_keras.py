"""Train a small convolutional network on scikit-learn's handwritten digits with Keras, through all of AI Lab."""

import argparse

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay

import ailab.experiment.logging as log
from ailab.data import Dataset, TransformedDataset, rng
from ailab.data.keras import BatchedKerasDataset
from ailab.experiment import Config
from ailab_keras import LogCallback


class Digits(Dataset):
    """Scans of digits, (8, 8, 1) float32 in 0..1; every fifth of a shuffled order is held out of the training."""

    version = "sklearn-1"

    def __init__(self, held_out: bool) -> None:
        images, digits = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(digits))
        chosen = order[::5] if held_out else np.delete(order, np.s_[::5])
        self.images = (images[chosen].reshape(-1, 8, 8, 1) / 16).astype(np.float32)
        self.digits = digits[chosen]

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index):
        return {"image": self.images[index]}, {"digit": self.digits[index]}


def random_shift(features, labels):
    """Move the image by up to one pixel each way; rng() depends on the seed, the epoch and the sample alone."""
    down, right = rng().integers(0, 3, size=2)
    padded = np.pad(features["image"], ((1, 1), (1, 1), (0, 0)))
    return {"image": padded[down : down + 8, right : right + 8]}, labels


def make_model() -> keras.Model:
    image = x = keras.Input((8, 8, 1), name="image")
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(0.3)(layers.Flatten()(layers.MaxPooling2D()(x)))
    return keras.Model({"image": image}, {"digit": layers.Dense(10, name="digit")(x)})


class DigitsConfig(Config):
    def __init__(self, epochs: int, seed: int) -> None:
        super().__init__()
        self.train.experiment_name = "digits-keras"
        self.train.batch_size = 32
        self.train.epochs = epochs
        self.train.seed = seed
        self.train.learning_rate.type = "cosine"
        self.train.learning_rate.start_value = 0.005
        self.arch.model = make_model
        self.arch.loss = keras.losses.SparseCategoricalCrossentropy
        self.arch.metrics = ["accuracy"]
        self.arch.prepare = random_shift
        self.check_completness()


class LogMistakes(keras.callbacks.Callback):
    """After each epoch log the confusion matrix, and the misread scans side by side; a black grid if there are none."""

    def __init__(self, held_out: Digits) -> None:
        super().__init__()
        self.held_out = held_out

    def on_epoch_end(self, epoch, logs=None):
        images, digits = self.held_out.images, self.held_out.digits
        predicted = self.model.predict({"image": images}, verbose=0)["digit"].argmax(1)
        ConfusionMatrixDisplay.from_predictions(digits, predicted)
        log.log_image(name="ConfusionMatrix")  # the current figure
        plt.close()
        wrong = images[digits != predicted][:32, ..., 0]
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
    keras.utils.set_random_seed(config.train.seed)

    digits = Digits(held_out=True)
    held_out = BatchedKerasDataset(digits, shuffle=False)
    training = BatchedKerasDataset(
        TransformedDataset(Digits(held_out=False), transformer=config.arch.prepare), seed=config.train.seed
    )
    model = config.arch.model()
    rate = keras.optimizers.schedules.CosineDecay(
        config.train.learning_rate.start_value, config.train.epochs * len(training)
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01),
        loss={"digit": config.arch.loss(from_logits=True)},
        metrics={"digit": config.arch.metrics},
    )
    history = model.fit(
        training,
        validation_data=held_out,
        epochs=config.train.epochs,
        callbacks=[LogCallback(), LogMistakes(digits)],
        verbose=0,
    )
    print(f"held-out accuracy: {history.history['val_accuracy'][-1]:.2%}")


if __name__ == "__main__":
    main()
