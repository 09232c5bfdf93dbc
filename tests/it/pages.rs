//! Tests of the pages with a real browser: from the first click of a visitor on, as a person uses them. Each test ends with
//! [`Window::finish`], which fails for an error in the console, an unhandled rejection, and a violation of the policy.

mod accessibility;
mod account;
mod chat;
mod console;
mod delivery;
mod renewal;
mod sign_in;
mod window;

use window::Window;
