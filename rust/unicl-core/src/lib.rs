//! Caption tokenization, noun phrases and label mapping for `UniCL` training, without Python.

mod error;
pub mod interrupt;
pub mod labels;
pub mod phrases;
mod short_word;
pub mod text;
pub mod threads;

pub use error::{Error, ErrorKind, io_kind};
