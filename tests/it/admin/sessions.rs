//! Lists of sessions with filters.

use std::time::Duration;

use domain::account::role::Role;

use crate::harness::{Answer, App, Session};

const SESSIONS: &str = "/api/v1/admin/sessions";

fn ids(answer: &Answer) -> Vec<String> {
    let sessions = answer.body["sessions"].as_array().expect("sessions");
    sessions.iter().map(|session| session["id"].as_str().expect("an id").to_owned()).collect()
}

/// All pages of the list, and their number.
async fn all(operator: &Session, query: &str) -> (Vec<String>, usize) {
    let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = operator.get(&format!("{SESSIONS}?{query}{cursor}")).await.expect(200);
        found.extend(ids(&page));
        pages += 1;
        let Some(next) = page.body["next_cursor"].as_str() else { return (found, pages) };
        cursor = format!("&cursor={next}");
    }
}

/// Three sessions, the oldest first, each with its own address, country and client.
async fn three(app: &App) -> [Session; 3] {
    let rows = app.rows().await;
    let mut sessions = Vec::new();
    for (address, country, agent) in [
        ("192.0.2.1", "NO", "Mozilla/5.0 (X11; Linux) Firefox/140.0"),
        ("192.0.2.9", "SE", "curl/8.1"),
        ("2001:db8::1", "NO", "portcullis-js 2.0"),
    ] {
        let session = app.register().await.open_session().await;
        let sql = "UPDATE sessions SET address = $2::text::inet, user_agent = $3 WHERE id = $1";
        rows.execute(sql, &[&session.id.0, &address, &agent]).await.unwrap();
        let sql = "UPDATE registered_devices SET country = $2 WHERE user_id = $1";
        rows.execute(sql, &[&session.person.id.0, &country]).await.unwrap();
        sessions.push(session);
        app.advance(Duration::from_secs(10));
    }
    sessions.try_into().ok().expect("three sessions")
}

#[tokio::test]
async fn each_filter_selects_its_sessions() {
    let app = App::start();
    let [one, two, three] = three(&app).await.map(|session| session.id.to_string());
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let own = operator.id.to_string();
    let (by_id, by_both) = (format!("session={two}"), format!("session={two}&country=NO"));
    for (query, wanted) in [
        (by_id.as_str(), vec![&two]),
        (by_both.as_str(), vec![]),
        ("address=192.0.2.9", vec![&two]),
        ("network=192.0.2.0/24", vec![&two, &one]),
        ("network=192.0.2.77/24&sort=created", vec![&one, &two]),
        ("network=2001:db8::/32", vec![&three]),
        ("country=no", vec![&three, &one]),
        ("country=NO&network=192.0.2.0/24", vec![&one]),
        ("client=CURL", vec![&two]),
        ("client=%25", vec![]),
        ("older_than=25", vec![&one]),
        ("younger_than=15", vec![&own, &three]),
        ("sort=created", vec![&one, &two, &three, &own]),
        ("sort=-created", vec![&own, &three, &two, &one]),
    ] {
        for limit in [1, 200] {
            let (found, _) = all(&operator, &format!("{query}&limit={limit}")).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{query}, {limit}");
        }
    }
    for (wrong, code) in [
        ("network=192.0.2.0/33", "invalid_network"),
        ("country=NOR", "invalid_country"),
        ("client=", "invalid_search"),
        ("address=x", "invalid_query"),
        ("session=x", "invalid_query"),
        ("sort=age", "invalid_query"),
    ] {
        operator.get(&format!("{SESSIONS}?{wrong}")).await.refused(422, code);
    }
}

#[tokio::test]
async fn a_rare_filter_examines_a_bounded_number_of_sessions_per_page_and_finds_all() {
    let app = App::start();
    let [rare, ..] = three(&app).await;
    let many = "INSERT INTO sessions (id, user_id, device_id, created_at, last_seen_at, expires_at, refresh_expires_at, method)
                SELECT gen_random_uuid(), s.user_id, s.device_id, s.created_at + n * interval '1 millisecond', s.last_seen_at,
                       s.expires_at, s.refresh_expires_at, s.method
                FROM sessions s, generate_series(1, 12000) n WHERE s.id = $1";
    app.rows().await.execute(many, &[&rare.id.0]).await.unwrap();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (found, pages) = all(&operator, "network=192.0.2.1/32&limit=10").await;
    assert_eq!(found, [rare.id.to_string()]);
    assert!((2..=4).contains(&pages), "{pages}");
}
