//! The server API over HTTP: its methods and errors, both error modes, keys and batches.

mod batch;
mod before_connect;
mod channels;
mod connections;
mod errors;
mod full_lane;
mod keys;
mod shown;
mod streams;
mod subscribing;
mod tokens;
mod versions;
