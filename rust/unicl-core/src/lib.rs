//! Caption tokenization, noun phrases and label mapping for `UniCL` training, without Python.
