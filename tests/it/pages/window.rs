//! [`Window`]: a window of the shared browser, and what a person does in it. Controls are found by the names that screen readers
//! use, so a test also fails if a control has none.

use serde_json::{Value, json};

use crate::{
    browser::devtools::{Ability, Tab, VirtualAuthenticator},
    harness::{App, PASSWORD, Person, within},
};

/// A window of a browser that shows the pages of a server.
pub(crate) struct Window {
    pub(crate) tab: Tab,
    origin: String,
    finished: bool,
}

/// Functions that the scripts of the tests use. `named` finds the visible control with this name, in the open dialog if there is one.
const FUNCTIONS: &str = r#"
    const scope = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
    const visible = (element) => element.checkVisibility({ visibilityProperty: true });
    const clean = (text) => (text ?? "").replace(/\s+/g, " ").trim();
    const nameOf = (element) => clean(element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText)
        .replace(/ optional$/, "");
    const all = (kinds) => [...scope().querySelectorAll(kinds)].filter(visible);
    const named = (kinds, name) => all(kinds).find((element) => nameOf(element) === name)
        ?? all(kinds).find((element) => nameOf(element).startsWith(name));
    const CONTROLS = "input, select, textarea";
    const PRESSED = "button, a, summary, [role=button], [role=tab], label:has(input)";
"#;

impl Window {
    /// A window with cookies of its own, which shows nothing yet; `None` if browser tests are skipped.
    pub(crate) async fn of(app: &App) -> Option<Self> {
        let tab = Tab::shared().await?;
        Some(Self { tab, origin: format!("http://localhost:{}", app.address().port()), finished: false })
    }

    /// As [`Self::of`], on the first page.
    pub(crate) async fn on(app: &App, path: &str) -> Option<Self> {
        let mut window = Self::of(app).await?;
        window.visit(path).await;
        Some(window)
    }

    /// Another window of the same browser, with the same cookies. It must be finished first.
    pub(crate) async fn sibling(&self) -> Self {
        Self { tab: self.tab.sibling().await, origin: self.origin.clone(), finished: false }
    }

    /// A window in which this person is signed in, on this page.
    pub(crate) async fn signed_in(person: &Person, path: &str) -> Option<Self> {
        let mut window = Self::on(&person.app, &format!("/?next={path}")).await?;
        window.sign_in(person).await;
        window.arrives_at(path).await;
        Some(window)
    }

    /// Types the address and the password of this person, and sends them.
    pub(crate) async fn sign_in(&mut self, person: &Person) {
        self.fill("E-mail address", &person.email).await;
        self.fill("Password", PASSWORD).await;
        self.press("Sign in").await;
    }

    /// Opens this page of the server.
    pub(crate) async fn visit(&mut self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.tab.open(&url).await;
    }

    /// Waits until the address has this path.
    pub(crate) async fn arrives_at(&mut self, path: &str) {
        self.until(&format!(
            "location.pathname === {} && document.querySelector('h1') !== null",
            json!(path)
        ))
        .await;
    }

    /// Waits until the page shows this text.
    pub(crate) async fn sees(&mut self, text: &str) {
        self.until(&format!("clean(document.body.innerText).includes({})", json!(text))).await;
    }

    /// Waits until the page does not show this text.
    pub(crate) async fn sees_no(&mut self, text: &str) {
        self.until(&format!("!clean(document.body.innerText).includes({})", json!(text))).await;
    }

    /// Types this text into the field with this label, in place of its value.
    pub(crate) async fn fill(&mut self, label: &str, text: &str) {
        let field = format!("named(CONTROLS, {})", json!(label));
        self.until(&format!("{field} !== undefined")).await;
        self.run(&format!("const field = {field}; field.focus(); field.select?.();")).await;
        self.type_text(text).await;
    }

    /// Types this text where the focus is.
    pub(crate) async fn type_text(&mut self, text: &str) {
        self.tab.command("Input.insertText", json!({"text": text})).await;
    }

    /// Clicks the button, link or box with this name, as soon as it is there.
    pub(crate) async fn press(&mut self, name: &str) {
        let control = format!("(named(PRESSED, {0}) ?? named('input', {0}))", json!(name));
        self.until(&format!("{control} !== undefined && {control}.ariaDisabled !== 'true'")).await;
        self.run(&format!("{control}.click();")).await;
    }

    /// Presses a key, such as `Tab`, `Enter` or `Escape`, where the focus is.
    pub(crate) async fn key(&mut self, key: &str) {
        let text = if key == "Enter" { "\r" } else { "" };
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            "Escape" => 27,
            " " => 32,
            _ => 0,
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            if key == " " {
                event["code"] = "Space".into();
                if kind == "keyDown" {
                    event["text"] = " ".into();
                }
            }
            self.tab.command("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Presses `Tab` until the control with this name has the focus.
    pub(crate) async fn tab_to(&mut self, name: &str) {
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != name) {
            assert!(seen.len() < 100, "`Tab` does not lead to {name}, but to {seen:?}");
            self.key("Tab").await;
            seen.push(self.focused().await);
        }
    }

    /// The name of the control that has the focus.
    pub(crate) async fn focused(&mut self) -> String {
        let name = self.value("nameOf(document.activeElement)").await;
        name.as_str().unwrap_or_default().to_owned()
    }

    /// The value of an expression, which may use [`FUNCTIONS`].
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        self.tab.evaluate(&format!("(() => {{ {FUNCTIONS} return {expression}; }})()")).await
    }

    /// Runs statements, which may use [`FUNCTIONS`], and may lead to another page.
    pub(crate) async fn run(&mut self, statements: &str) {
        let ran = self.tab.try_evaluate(&format!("(() => {{ {FUNCTIONS} {statements} }})()")).await;
        let failed = ran.err().filter(|error| !error.contains("navigated or closed"));
        assert!(failed.is_none(), "{statements}: {failed:?}");
    }

    /// Waits until this condition holds. A page that is being replaced by another one has no answer.
    pub(crate) async fn until(&mut self, condition: &str) {
        let expression = format!("(() => {{ {FUNCTIONS} return {condition}; }})()");
        let waits = async {
            while self.tab.try_evaluate(&expression).await != Ok(Value::Bool(true)) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(crate::harness::PATIENCE, waits).await.is_err() {
            let shown = self.tab.evaluate("location.href + '\\n' + document.body.innerText").await;
            let complaints = self.tab.complaints().await;
            self.finished = true;
            panic!("never: {condition}\n{}\n{}", shown.as_str().unwrap_or_default(), complaints.join("\n"));
        }
    }

    /// Adds a virtual authenticator, which confirms every request.
    pub(crate) async fn add_authenticator(&mut self, can: Ability) -> VirtualAuthenticator {
        self.tab.add_authenticator(can).await
    }

    /// Fails if the browser has complained about a page.
    pub(crate) async fn finish(mut self) {
        self.finished = true;
        let complaints = within("the complaints", self.tab.complaints()).await;
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "a test of pages ends with `finish`");
    }
}
