//! The pages before the sign-in, and the sign-in itself.

use super::Window;
use crate::harness::App;

#[tokio::test]
async fn a_visitor_signs_in_with_a_password_and_out_again() {
    let app = App::start();
    let person = app.register().await;
    let Some(mut window) = Window::on(&app, "/account").await else { return };
    window.arrives_at("/").await;
    window.sign_in(&person).await;
    window.arrives_at("/account").await;
    window.sees(&person.email).await;
    window.press("Sign out").await;
    window.sees("Create an account").await;
    window.finish().await;
}
