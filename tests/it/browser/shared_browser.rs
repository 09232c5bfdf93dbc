//! One browser for all tests of pages: a start takes a second, and a tab some milliseconds. Each test has cookies and storage of its
//! own in it.

use std::{sync::OnceLock, thread};

use super::chromium::Chromium;

/// The address of the browser for the DevTools protocol; `None` if browser tests are skipped. The first call starts the browser. A
/// thread holds it, so it ends with the process: the kernel ends it with the thread.
pub(super) fn endpoint() -> Option<&'static str> {
    static ENDPOINT: OnceLock<Option<String>> = OnceLock::new();
    ENDPOINT.get_or_init(start).as_deref()
}

fn start() -> Option<String> {
    let (started, endpoint) = std::sync::mpsc::channel();
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let browser = runtime.block_on(Chromium::start());
        let address = browser.as_ref().map(|(_, endpoint)| endpoint.clone());
        if started.send(address).is_ok() && browser.is_some() {
            loop {
                thread::park();
            }
        }
    };
    thread::Builder::new().name("browser".to_owned()).spawn(run).expect("a thread");
    endpoint.recv().expect("the thread of the browser")
}
