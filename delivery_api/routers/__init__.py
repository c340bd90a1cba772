"""One router a file, its request and response models beside it."""
