//! What `top` knows: the looks at the gateway, and what the keys have made of the view.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::command::client::Failure;
use crate::command::rates::{Earlier, Look};

/// Quantiles are those of the last one to two of these: of a second alone they would be noise.
const WINDOW: Duration = Duration::from_secs(10);
/// Longest text to filter by.
const LONGEST_FILTER: usize = 64;

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Upstreams,
    Routes,
    Listeners,
}

impl Tab {
    pub(super) const ALL: [Self; 3] = [Self::Upstreams, Self::Routes, Self::Listeners];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Upstreams => "Upstreams",
            Self::Routes => "Routes",
            Self::Listeners => "Listeners",
        }
    }

    /// By what its rows can be sorted.
    fn sorts(self) -> &'static [Sort] {
        match self {
            Self::Upstreams => &[
                Sort::Configured,
                Sort::Requests,
                Sort::Errors,
                Sort::Active,
                Sort::Latency,
                Sort::Name,
            ],
            Self::Routes => &[
                Sort::Configured,
                Sort::Requests,
                Sort::Errors,
                Sort::Latency,
                Sort::Name,
            ],
            Self::Listeners => &[Sort::Configured, Sort::Requests, Sort::Active, Sort::Name],
        }
    }
}

/// The order of rows; numbers with the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// As in the configuration.
    Configured,
    /// Requests per second; of listeners, connections.
    Requests,
    Errors,
    /// Requests under way; of listeners, connections that are open.
    Active,
    /// Of routes, p99.
    Latency,
    Name,
}

impl Sort {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Configured => "as configured",
            Self::Requests => "req/s",
            Self::Errors => "err/s",
            Self::Active => "active",
            Self::Latency => "latency",
            Self::Name => "name",
        }
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    End,
}

/// A gateway that cannot be asked.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) since: Instant,
    pub(super) failure: Failure,
}

/// Everything that the picture is made of.
pub(super) struct App {
    pub(super) url: String,
    pub(super) tab: Tab,
    pub(super) filter: String,
    /// True while the filter is being typed.
    pub(super) is_typing: bool,
    pub(super) is_paused: bool,
    pub(super) shows_help: bool,
    pub(super) trouble: Option<Trouble>,
    /// Rows of the table on the screen, as of the last picture.
    pub(super) page: usize,
    /// The first row that is shown, and the index of the sort, of each tab.
    scroll: [usize; 3],
    sort: [usize; 3],
    looks: Looks,
}

/// Looks that later ones are compared with.
#[derive(Default)]
struct Looks {
    latest: Option<Look>,
    previous: Option<Look>,
    /// Up to twice [`WINDOW`] old, with routes.
    base: Option<Look>,
    next_base: Option<Look>,
}

impl App {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            tab: Tab::Upstreams,
            filter: String::new(),
            is_typing: false,
            is_paused: false,
            shows_help: false,
            trouble: None,
            page: 1,
            scroll: [0; 3],
            sort: [0; 3],
            looks: Looks::default(),
        }
    }

    /// Takes in a look at the gateway.
    pub(super) fn see(&mut self, look: Look) {
        self.trouble = None;
        if !self.is_paused {
            self.looks.add(look);
        }
    }

    /// Takes in that the gateway could not be asked.
    pub(super) fn miss(&mut self, failure: Failure) {
        let since = self.trouble.as_ref().map(|trouble| trouble.since);
        let since = since.unwrap_or_else(Instant::now);
        self.trouble = Some(Trouble { since, failure });
    }

    pub(super) fn latest(&self) -> Option<&Look> {
        self.looks.latest.as_ref()
    }

    /// What rates are told from.
    pub(super) fn previous(&self) -> Option<Earlier<'_>> {
        Earlier::new(self.looks.previous.as_ref()?, self.latest()?)
    }

    /// What quantiles are told from.
    pub(super) fn base(&self) -> Option<Earlier<'_>> {
        Earlier::new(self.looks.base.as_ref()?, self.latest()?)
    }

    pub(super) fn sort(&self) -> Sort {
        self.tab.sorts()[self.sort[self.tab as usize]]
    }

    pub(super) fn wants_routes(&self) -> bool {
        self.tab == Tab::Routes
    }

    /// The first row to show of so many, when so many fit; kept within them, and remembered.
    pub(super) fn scroll_within(&mut self, rows: usize, page: usize) -> usize {
        self.page = page.max(1);
        let scroll = &mut self.scroll[self.tab as usize];
        *scroll = (*scroll).min(rows.saturating_sub(page));
        *scroll
    }

    /// Takes in a key.
    pub(super) fn press(&mut self, key: KeyEvent) -> Next {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Next::End;
        }
        if self.is_typing {
            self.type_filter(key.code, is_control);
            return Next::GoOn;
        }
        if self.shows_help {
            self.shows_help = false;
            // Any key closes it, and that is all it does; only this one says more.
            return if key.code == KeyCode::Char('q') {
                Next::End
            } else {
                Next::GoOn
            };
        }
        match key.code {
            KeyCode::Char('q') => return Next::End,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.shows_help = true,
            KeyCode::Char(' ' | 'p') => self.is_paused = !self.is_paused,
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('s') => self.turn_sort(1),
            KeyCode::Char('S') => self.turn_sort(self.tab.sorts().len() - 1),
            KeyCode::Tab | KeyCode::Right => self.turn_tab(1),
            KeyCode::BackTab | KeyCode::Left => self.turn_tab(2),
            KeyCode::Char(digit @ '1'..='3') => self.tab = Tab::ALL[digit as usize - '1' as usize],
            code => self.scroll_by(code),
        }
        Next::GoOn
    }

    fn scroll_by(&mut self, code: KeyCode) {
        // A line of the last page stays, to hold on to.
        let page = self.page.saturating_sub(1).max(1);
        let scroll = &mut self.scroll[self.tab as usize];
        *scroll = match code {
            KeyCode::Down | KeyCode::Char('j') => scroll.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
            KeyCode::PageDown => scroll.saturating_add(page),
            KeyCode::PageUp => scroll.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => usize::MAX,
            _ => *scroll,
        };
    }

    fn type_filter(&mut self, code: KeyCode, is_control: bool) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Char('u') if is_control => self.filter.clear(),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c)
                if !is_control && !c.is_control() && self.filter.len() < LONGEST_FILTER =>
            {
                self.filter.push(c);
            }
            _ => {}
        }
        self.scroll[self.tab as usize] = 0;
    }

    fn turn_sort(&mut self, by: usize) {
        let sort = &mut self.sort[self.tab as usize];
        *sort = (*sort + by) % self.tab.sorts().len();
    }

    fn turn_tab(&mut self, by: usize) {
        self.tab = Tab::ALL[(self.tab as usize + by) % Tab::ALL.len()];
    }
}

impl Looks {
    fn add(&mut self, look: Look) {
        let is_anew = self
            .latest
            .as_ref()
            .is_some_and(|latest| look.status.uptime_seconds < latest.status.uptime_seconds);
        if is_anew {
            *self = Self::default();
        }
        if look.routes.is_some() {
            let is_due = self
                .next_base
                .as_ref()
                .is_none_or(|base| look.at.saturating_duration_since(base.at) >= WINDOW);
            if is_due {
                let base = self.next_base.replace(look.clone());
                self.base = base.or_else(|| Some(look.clone()));
            }
        }
        self.previous = self.latest.replace(look);
    }
}

#[cfg(test)]
mod tests {
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
}
