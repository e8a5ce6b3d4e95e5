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
    Limits,
    Listeners,
}

impl Tab {
    pub(super) const ALL: [Self; 4] =
        [Self::Upstreams, Self::Routes, Self::Limits, Self::Listeners];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Upstreams => "Upstreams",
            Self::Routes => "Routes",
            Self::Limits => "Limits",
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
            Self::Limits => &[
                Sort::Configured,
                Sort::Refused,
                Sort::Requests,
                Sort::Active,
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
    /// Requests per second; of listeners, connections; of limits, those that were allowed.
    Requests,
    Errors,
    /// Of limits, requests per second that were refused.
    Refused,
    /// Requests under way; of listeners, connections that are open; of limits, clients.
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
            Self::Refused => "refused/s",
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
    scroll: [usize; Tab::ALL.len()],
    sort: [usize; Tab::ALL.len()],
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
            scroll: [0; Tab::ALL.len()],
            sort: [0; Tab::ALL.len()],
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
            KeyCode::BackTab | KeyCode::Left => self.turn_tab(Tab::ALL.len() - 1),
            KeyCode::Char(digit @ '1'..='4') => self.tab = Tab::ALL[digit as usize - '1' as usize],
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
mod tests;
