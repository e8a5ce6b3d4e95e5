use super::*;
use crate::command::fixture;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

fn app(keys: &str) -> App {
    let mut app = App::new("http://127.0.0.1:9900".into());
    app.see(fixture::look(0));
    app.see(fixture::look(1));
    for key in keys.chars() {
        app.press(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE));
    }
    app
}

fn column_of(app: &App, title: &str) -> Vec<String> {
    let mut titles = columns(app.tab).iter();
    let index = titles
        .position(|column| column.title == title)
        .expect(title);
    let text = |row: Row| row.cells[index].0.trim().to_owned();
    rows(app).into_iter().map(text).collect()
}

#[test]
fn every_row_has_a_cell_for_each_column() {
    for keys in ["1", "2", "3", "4"] {
        let app = app(keys);
        let rows = rows(&app);
        assert!(rows.len() >= 2);
        for row in rows {
            assert_eq!(row.cells.len(), columns(app.tab).len(), "{row:?}");
        }
    }
}

#[test]
fn upstreams_stand_above_their_endpoints() {
    let app = app("");
    assert_eq!(
        column_of(&app, "UPSTREAM"),
        [
            "shop",
            "10.0.0.11:3000",
            "10.0.0.12:3000",
            "10.0.0.13:3000",
            "search",
            "search.internal:9200"
        ]
    );
    assert_eq!(
        column_of(&app, "STATE"),
        ["2/3 up", "up", "starting", "ejected", "0/1 up", "down"]
    );
    assert_eq!(
        column_of(&app, "REQ/S"),
        ["110", "100", "10", "0", "1.0", "1.0"]
    );
    assert_eq!(column_of(&app, "ERR/S")[3], "2.0");
}

#[test]
fn sorting_keeps_endpoints_with_their_upstream() {
    let by_errors = app("ss");
    assert_eq!(
        column_of(&by_errors, "UPSTREAM")[..2],
        ["shop", "10.0.0.13:3000"]
    );
    let by_name = app("S");
    assert_eq!(
        column_of(&by_name, "UPSTREAM")[..2],
        ["search", "search.internal:9200"]
    );
    let by_requests = app("2s");
    assert_eq!(
        column_of(&by_requests, "ROUTE")[..3],
        ["static", "api", "quiet-2"]
    );
}

#[test]
fn a_filter_finds_endpoints_and_whole_upstreams() {
    assert_eq!(
        column_of(&app("/EJECT"), "UPSTREAM"),
        ["shop", "10.0.0.13:3000"]
    );
    assert_eq!(
        column_of(&app("/search"), "UPSTREAM"),
        ["search", "search.internal:9200"]
    );
    assert_eq!(column_of(&app("/shop"), "UPSTREAM").len(), 4);
    assert!(column_of(&app("/nothing"), "UPSTREAM").is_empty());
    assert_eq!(column_of(&app("2/static"), "ROUTE"), ["static"]);
    assert_eq!(column_of(&app("4/8081"), "LISTENER"), ["inside"]);
    let sums = app("/10.0.0.13");
    assert_eq!(column_of(&sums, "REQ/S")[0], "110", "sums are of all");
}

#[test]
fn who_waits_and_who_is_turned_away_is_seen() {
    let upstreams = app("");
    assert_eq!(column_of(&upstreams, "WAIT"), ["3", "", "", "", "", ""]);
    assert_eq!(column_of(&upstreams, "SHED/S"), ["1.0", "", "", "", "", ""]);
    let routes = app("2");
    assert_eq!(column_of(&routes, "SHED/S")[..2], ["7.0", ""]);
}

#[test]
fn an_open_breaker_is_seen() {
    let mut app = App::new(String::new());
    let mut look = fixture::look(0);
    look.status.upstreams[0].breaker = "open".into();
    app.see(look);
    assert_eq!(column_of(&app, "CAUSE")[0], "its breaker is open");
}

#[test]
fn limits_have_rates_and_lost_stores_are_seen() {
    let limits = app("3");
    assert_eq!(column_of(&limits, "LIMIT"), ["per-client", "search"]);
    assert_eq!(column_of(&limits, "REFUSE/S"), ["5.0", "40"]);
    assert_eq!(column_of(&limits, "SHARE"), ["", "50.0%"]);
    let lost = &rows(&limits)[0].cells[1];
    assert_eq!(*lost, ("open".to_owned(), Tone::Bad));
    assert_eq!(column_of(&app("3s"), "LIMIT"), ["search", "per-client"]);
    assert_eq!(column_of(&app("3/route"), "LIMIT"), ["search"]);
}

#[test]
fn without_an_earlier_look_rates_are_not_known() {
    let mut app = App::new(String::new());
    app.see(fixture::look(0));
    assert_eq!(column_of(&app, "REQ/S")[1], "–");
    assert_eq!(column_of(&app, "LATENCY")[1], "2.1ms");
    assert!(rows(&App::new(String::new())).is_empty());
}
