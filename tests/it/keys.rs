//! The keys of tokens, cookies and data: their rotation while clients are at work, the published keys, and `portcullis keys`.

mod command;
mod published;
mod rotation;
