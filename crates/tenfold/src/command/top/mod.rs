//! `tenfold top`: a live table of a running gateway, as HAProxy's statistics page is one.
//!
//! One thread asks the gateway ([`poll`]), this one draws and reads keys. What is shown is a function of the looks at the
//! gateway and of the keys that were pressed ([`app`]), so that it is tested without a terminal.

mod app;
mod draw;
mod poll;
mod rows;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::Refusal;
use super::client::Client;
use crate::cli;
use app::{App, Next};
use poll::{News, Poller};

/// How long a key or a look may wait to be seen: shorter than a person notices.
const BEAT: Duration = Duration::from_millis(50);
/// How often ages are drawn anew when nothing else happens.
const AGEING: Duration = Duration::from_secs(1);

/// Shows it until it is ended.
pub(crate) fn run(arguments: cli::Top) -> Result<ExitCode, Refusal> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let help = "use `tenfold status`, or `tenfold status --watch` for rates";
        return Err(Refusal::new("top needs a terminal", help));
    }
    let cli::Top { connect, every } = arguments;
    let url = connect.admin.to_string();
    let poller = Poller::start(Client::new(connect.admin, connect.token), every)
        .map_err(|error| Refusal::new(error, "raise the limits of this process (ulimit -a)"))?;
    // A wrong address or token is said before the screen is taken.
    let first = match poller.first() {
        News::Look(look) => look,
        News::Trouble(failure) => return Err(failure.into()),
        News::End => return Ok(ExitCode::SUCCESS),
    };
    let mut app = App::new(url);
    app.see(*first);
    let broken = |error: io::Error| Refusal::new(format!("the terminal: {error}"), "try another");
    let mut screen = Screen::take().map_err(broken)?;
    let ended = show(&mut screen.terminal, &mut app, &poller);
    drop(screen);
    ended.map_err(broken)?;
    Ok(ExitCode::SUCCESS)
}

fn show(terminal: &mut DefaultTerminal, app: &mut App, poller: &Poller) -> io::Result<()> {
    let mut drawn: Option<Instant> = None;
    loop {
        let mut is_new = drawn.is_none_or(|drawn| drawn.elapsed() >= AGEING);
        while let Some(news) = poller.next() {
            is_new = true;
            match news {
                News::Look(look) => app.see(*look),
                News::Trouble(failure) => app.miss(failure),
                News::End => return Ok(()),
            }
        }
        if is_new {
            terminal.draw(|frame| draw::draw(frame, app, Instant::now()))?;
            drawn = Some(Instant::now());
        }
        // All that is there, and then one picture of it: a held key must not be slower than the screen.
        let mut patience = BEAT;
        while event::poll(patience)? {
            patience = Duration::ZERO;
            drawn = None;
            if let Event::Key(key) = event::read()?
                && key.kind != KeyEventKind::Release
                && app.press(key) == Next::End
            {
                return Ok(());
            }
        }
        poller.want_routes(app.wants_routes());
    }
}

/// The terminal while it is ours. It is given back when this is dropped, and (by ratatui's hook) before a panic is
/// reported.
struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    fn take() -> io::Result<Self> {
        let terminal = ratatui::try_init().inspect_err(|_| ratatui::restore())?;
        Ok(Self { terminal })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
