//! Pictures on screens of several sizes.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::command::client::Failure;
use crate::command::fixture;

fn app(keys: &str) -> App {
    let mut app = App::new("http://127.0.0.1:9900".into());
    app.see(fixture::look(0));
    app.see(fixture::look(1));
    for key in keys.chars() {
        app.press(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE));
    }
    app
}

/// The lines of the screen.
fn picture(app: &mut App, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    terminal
        .draw(|frame| draw(frame, app, Instant::now()))
        .expect("drawn");
    let buffer = terminal.backend().buffer();
    let line = |y| {
        (0..width)
            .map(|x| buffer[(x, y)].symbol())
            .collect::<String>()
    };
    (0..height).map(|y| line(y).trim_end().to_owned()).collect()
}

fn has(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.contains(text))
}

#[test]
fn a_narrow_screen_shows_what_matters() {
    let lines = picture(&mut app(""), 60, 15);
    assert_eq!(
        lines[..6],
        [
            "tenfold 0.1.0  up 2h13m  generation 3  2 workers",
            "req/s 12.3k  5xx/s 3.0  active 34  open 120  conn/s 15",
            " Upstreams  Routes  Limits  Listeners   sort: as configured",
            "UPSTREAM               STATE     REQ/S  ERR/S ACTIVE LATENCY",
            "shop                   2/3 up      110    2.0      9   2.1ms",
            "  10.0.0.11:3000       up          100      0      3   2.1ms",
        ],
        "\n{}",
        lines.join("\n")
    );
    assert_eq!(
        lines[14],
        "q quit  tab view  s sort  / filter  space pause  ? help"
    );
}

#[test]
fn a_wide_screen_shows_everything() {
    let lines = picture(&mut app(""), 200, 60);
    for column in rows::columns(Tab::Upstreams) {
        assert!(lines[3].contains(column.title), "{}", column.title);
    }
    assert!(has(&lines, "18s left: 5 failures in a row"));
    assert!(has(&lines, "panic: all get requests"));
    assert!(lines[0].ends_with("http://127.0.0.1:9900"));
    assert!(lines[1].ends_with("out/s 34.0M"), "{}", lines[1]);
    assert!(
        lines[1].contains("cache pages 90.0% hits, 64.0M/268M"),
        "{}",
        lines[1]
    );
}

#[test]
fn columns_leave_one_after_the_other_and_never_overlap() {
    for tab in Tab::ALL {
        let columns = rows::columns(tab);
        let mut fewest = columns.len();
        for width in (1..=250).rev() {
            let fitted = fit(columns, 30, width);
            assert!(fitted.len() <= fewest, "{tab:?} {width}");
            fewest = fitted.len();
            let total = fitted.iter().map(|(_, width)| width + 1).sum::<u16>() - 1;
            assert!(
                total <= width || fitted.len() == 1,
                "{tab:?} {width}: {total}"
            );
            if width >= 60 {
                let essential = columns.iter().filter(|column| column.rank == 0).count();
                assert!(fitted.len() >= essential, "{tab:?} {width}");
            }
        }
    }
}

#[test]
fn long_names_are_worth_more_than_optional_columns() {
    let names = |width| fit(rows::columns(Tab::Upstreams), 30, width)[0].1;
    assert_eq!((names(60), names(100), names(200)), (22, 30, 30));
    assert_eq!(cut("accounts", 8), "accounts");
    assert_eq!(cut("accounts", 5), "acco…");
    assert_eq!(cut("名前テスト", 6), "名前…");
    assert_eq!(cut("a", 0), "…");
}

#[test]
fn any_size_can_be_drawn() {
    for (width, height) in [(1, 1), (2, 50), (10, 4), (59, 3), (500, 5), (60, 15)] {
        for keys in ["", "2", "3", "4", "?", "/shop", "/nothing"] {
            let mut app = app(keys);
            app.miss(Failure {
                what: "gone".into(),
                help: String::new(),
            });
            assert_eq!(picture(&mut app, width, height).len(), usize::from(height));
        }
    }
    assert!(has(
        &picture(&mut App::new("http://a:1".into()), 60, 15),
        "http://a:1"
    ));
}

#[test]
fn routes_are_scrolled_to_the_end() {
    let mut app = app("2");
    let lines = picture(&mut app, 100, 15);
    assert!(
        lines[3].starts_with("ROUTE") && lines[4].starts_with("api"),
        "{lines:?}"
    );
    assert!(lines[4].contains("75ms"), "{}", lines[4]);
    assert!(lines[2].ends_with("rows 1–10 of 100"), "{}", lines[2]);
    app.press(KeyEvent::new(KeyCode::End, KeyModifiers::NONE));
    let lines = picture(&mut app, 100, 15);
    assert!(lines[13].starts_with("quiet-99"), "{lines:?}");
    assert!(lines[4].starts_with("quiet-90"), "{lines:?}");
}

#[test]
fn listeners_have_rates() {
    let lines = picture(&mut app("4"), 100, 15);
    let web = lines.iter().find(|line| line.starts_with("web"));
    let cells: Vec<_> = web.expect("a listener").split_whitespace().collect();
    assert_eq!(cells, ["web", "0.0.0.0:8080", "100", "15", "4.01k"]);
}

#[test]
fn what_the_keys_have_done_is_seen() {
    let lines = picture(&mut app(" "), 60, 15);
    assert!(lines[0].contains("PAUSED"), "{}", lines[0]);
    assert!(has(&picture(&mut app("?"), 60, 15), "any key closes it"));
    assert!(has(&picture(&mut app("/sho"), 60, 15), "filter: sho▏"));
    assert!(has(&picture(&mut app("/zzz"), 60, 15), "nothing matches"));
    assert!(has(&picture(&mut app("s"), 60, 15), "sort: req/s"));
    let mut asking = App::new(String::new());
    let mut look = fixture::look(0);
    look.routes = None;
    asking.see(look);
    asking.press(KeyEvent::new(KeyCode::Tab, KeyModifiers::NONE));
    assert!(has(&picture(&mut asking, 60, 15), "asking for the routes"));
}

#[test]
fn a_gateway_that_is_gone_is_said_so_and_the_last_look_stays() {
    let mut app = app("");
    app.miss(Failure {
        what: "cannot reach http://127.0.0.1:9900: refused\x1b[2J".into(),
        help: String::new(),
    });
    let lines = picture(&mut app, 100, 15);
    assert!(lines[0].contains("GONE"), "{}", lines[0]);
    let foot = &lines[14];
    assert!(
        foot.starts_with("gone for 0s, trying again: cannot reach"),
        "{foot}"
    );
    assert!(has(&lines, "10.0.0.11:3000"));
    app.see(fixture::look(2));
    assert!(!has(&picture(&mut app, 100, 15), "GONE"));
}

#[test]
fn names_cannot_command_the_terminal() {
    let mut app = App::new(String::new());
    let mut look = fixture::look(0);
    look.status.upstreams[0].name = "a\x1b[31m\r\n\u{202e}b".into();
    app.see(look);
    let lines = picture(&mut app, 60, 15);
    assert!(!lines.concat().contains(['\x1b', '\r', '\u{202e}']));
}
