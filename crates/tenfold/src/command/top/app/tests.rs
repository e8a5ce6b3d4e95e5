use super::*;
use crate::command::fixture;

fn app() -> App {
    let mut app = App::new("http://127.0.0.1:9900".into());
    app.see(fixture::look(0));
    app.see(fixture::look(1));
    app
}

fn press(app: &mut App, code: KeyCode) -> Next {
    app.press(KeyEvent::new(code, KeyModifiers::NONE))
}

fn type_text(app: &mut App, text: &str) {
    for c in text.chars() {
        press(app, KeyCode::Char(c));
    }
}

#[test]
fn keys_that_end_it() {
    assert_eq!(press(&mut app(), KeyCode::Char('q')), Next::End);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    let mut typing = app();
    press(&mut typing, KeyCode::Char('/'));
    assert_eq!(press(&mut typing, KeyCode::Char('q')), Next::GoOn);
    assert_eq!(typing.press(control_c), Next::End);
    assert_eq!(press(&mut app(), KeyCode::Char('x')), Next::GoOn);
}

#[test]
fn a_filter_is_typed_kept_and_dropped() {
    let mut app = app();
    type_text(&mut app, "/ab?c");
    press(&mut app, KeyCode::Backspace);
    assert_eq!((&*app.filter, app.is_typing), ("ab?", true));
    press(&mut app, KeyCode::Enter);
    assert_eq!((&*app.filter, app.is_typing), ("ab?", false));
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.filter, "");
    type_text(&mut app, &format!("/{}", "x".repeat(1000)));
    assert_eq!(app.filter.len(), LONGEST_FILTER);
    press(&mut app, KeyCode::Esc);
    assert_eq!((&*app.filter, app.is_typing), ("", false));
}

#[test]
fn tabs_and_sorts_go_round_and_each_tab_keeps_its_own() {
    let mut app = app();
    press(&mut app, KeyCode::Char('s'));
    assert_eq!(app.sort(), Sort::Requests);
    press(&mut app, KeyCode::Tab);
    assert_eq!((app.tab, app.sort()), (Tab::Routes, Sort::Configured));
    assert!(app.wants_routes());
    for _ in 0..5 {
        press(&mut app, KeyCode::Char('s'));
    }
    assert_eq!(app.sort(), Sort::Configured);
    press(&mut app, KeyCode::Char('S'));
    assert_eq!(app.sort(), Sort::Name);
    press(&mut app, KeyCode::Char('3'));
    assert_eq!(app.tab, Tab::Limits);
    press(&mut app, KeyCode::Char('4'));
    press(&mut app, KeyCode::Right);
    assert_eq!((app.tab, app.sort()), (Tab::Upstreams, Sort::Requests));
    press(&mut app, KeyCode::BackTab);
    assert_eq!(app.tab, Tab::Listeners);
}

#[test]
fn scrolling_stays_within_the_rows() {
    let mut app = app();
    press(&mut app, KeyCode::Up);
    assert_eq!(app.scroll_within(100, 10), 0);
    press(&mut app, KeyCode::PageDown);
    assert_eq!(app.scroll_within(100, 10), 9);
    press(&mut app, KeyCode::End);
    press(&mut app, KeyCode::Down);
    assert_eq!(app.scroll_within(100, 10), 90);
    press(&mut app, KeyCode::Up);
    assert_eq!(app.scroll_within(100, 10), 89);
    assert_eq!(app.scroll_within(5, 10), 0, "rows have gone");
    assert_eq!(app.scroll_within(5, 0), 0, "no room at all");
}

#[test]
fn a_pause_keeps_what_is_shown_and_rates_go_on_after_it() {
    let mut app = app();
    press(&mut app, KeyCode::Char(' '));
    app.see(fixture::look(2));
    let uptime = |app: &App| app.latest().expect("a look").status.uptime_seconds;
    assert_eq!(uptime(&app), 8001.0);
    press(&mut app, KeyCode::Char(' '));
    app.see(fixture::look(5));
    assert_eq!(uptime(&app), 8005.0);
    let look = app.latest().expect("a look");
    let rates = app.previous().expect("comparable").gateway(&look.status);
    assert_eq!(rates.classes[1], Some(12_345.0));
}

#[test]
fn a_gateway_that_is_gone_is_remembered_until_it_is_back() {
    let mut app = app();
    let failure = Failure {
        what: "gone".into(),
        help: String::new(),
    };
    app.miss(failure.clone());
    let since = app.trouble.as_ref().expect("trouble").since;
    app.miss(failure);
    assert_eq!(app.trouble.as_ref().expect("trouble").since, since);
    let mut anew = fixture::look(3);
    anew.status.uptime_seconds = 0.5;
    app.see(anew);
    assert!(app.trouble.is_none() && app.previous().is_none() && app.latest().is_some());
}

#[test]
fn quantiles_look_further_back_than_rates() {
    let mut app = app();
    for second in 2..=35 {
        app.see(fixture::look(second));
        let base = app.looks.base.as_ref().expect("a base");
        let age = app.latest().expect("a look").at - base.at;
        assert!(age <= 2 * WINDOW, "{age:?}");
        assert!(second < 20 || age >= WINDOW, "{age:?} at {second}");
    }
}
