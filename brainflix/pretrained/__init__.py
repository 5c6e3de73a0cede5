"""Pretrained networks that several stages read: autoencoder, text tower, captioner."""
