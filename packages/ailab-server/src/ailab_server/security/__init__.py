"""The layers between the network and the routes; ``guard`` puts them together."""
