//! The command: one look where it is piped or asked for, else a screen that follows.

use super::facts::Facts;
use super::gather::gather;
use super::screen::{Around, screen};
use super::terminal::{Pressed, Terminal};
use crate::adapter::clock::Stopwatch;
use crate::app::asked_to_stop;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output;
use crate::cli::shared::{InstanceArgs, JsonArg, span};
use crate::event::Span;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  reiver top
  reiver top --url http://127.0.0.1:7878 --interval 5s
  reiver top --once
  reiver top --json

q, Esc or Ctrl-C quits. * marks the baseline, ! an arm without traffic. Colours follow NO_COLOR.";

/// Between two looks at the keys.
const BEAT: Duration = Duration::from_millis(50);
/// How long a signal may take to end the screen in good order.
const GONE: Duration = Duration::from_secs(2);
/// The width of text that nobody's terminal bounds.
const PLAIN_WIDTH: usize = 80;
/// How far two looks are apart where only one is shown: rates need two.
const APART: Duration = Duration::from_secs(1);

/// Arguments of `reiver top`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct TopArgs {
    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = span)]
    interval: Span,

    /// Only this experiment.
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,

    /// Prints one look as plain text and ends; so does a pipe.
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    instance: InstanceArgs,
    #[command(flatten)]
    output: JsonArg,
}

/// Runs the command.
pub(in crate::cli) fn top(args: &TopArgs) -> Outcome {
    if args.interval.0 < 200 {
        return Err(Failure::Usage("--interval must be 200ms or longer".to_owned()));
    }
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.once || args.output.json || !terminal {
        return once(args);
    }
    follow(args)
}

fn once(args: &TopArgs) -> Outcome {
    let only = args.experiment.as_deref();
    let before = gather(&args.instance, only)?;
    let since = Stopwatch::start();
    std::thread::sleep(APART);
    let mut facts = gather(&args.instance, only)?;
    facts.rates_since(&before, since.seconds());
    if args.output.json {
        output::document(&facts)?;
    } else {
        let around = Around { url: args.instance.base_url()?, ..Around::default() };
        for line in screen(Some(&facts), &around, PLAIN_WIDTH, None) {
            output::line(&line.show(PLAIN_WIDTH, false));
        }
    }
    Ok(())
}

/// What the thread that asks tells.
type News = Result<Facts, Failure>;

fn follow(args: &TopArgs) -> Outcome {
    let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let url = args.instance.base_url()?;
    let stop = Arc::new(AtomicBool::new(false));
    listen(Arc::clone(&stop))?;
    let (tell, told) = mpsc::sync_channel(1);
    let asking = args.clone();
    // Asking may take as long as its timeout; keys and resizing do not wait for it.
    std::thread::spawn(move || keep_asking(&asking, &tell));
    let mut terminal = Terminal::take()?;
    let ended = watch(&mut terminal, &told, &url, colour, &stop);
    drop(terminal);
    ended
}

fn keep_asking(args: &TopArgs, tell: &SyncSender<News>) {
    let mut before: Option<(Facts, Stopwatch)> = None;
    loop {
        let news = gather(&args.instance, args.experiment.as_deref()).map(|mut facts| {
            if let Some((earlier, since)) = &before {
                facts.rates_since(earlier, since.seconds());
            }
            before = Some((facts.clone(), Stopwatch::start()));
            facts
        });
        if tell.send(news).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(args.interval.0.unsigned_abs()));
    }
}

fn watch(terminal: &mut Terminal, told: &Receiver<News>, url: &str, colour: bool, stop: &AtomicBool) -> Outcome {
    let mut facts: Option<Facts> = None;
    let mut around = Around { url: url.to_owned(), notice: Some(format!("asking {url}")), keys: "q quits" };
    let mut fresh = true;
    while !stop.load(Ordering::Relaxed) {
        match told.try_recv() {
            Ok(Ok(now)) => (facts, around.notice, fresh) = (Some(now), None, true),
            Ok(Err(usage @ Failure::Usage(_))) => return Err(usage),
            Ok(Err(failure)) => {
                let what = failure.message();
                let what = what.strip_prefix("error: ").unwrap_or(&what).to_owned();
                let old = if facts.is_some() { "; what is shown is old" } else { "" };
                (around.notice, fresh) = (Some(format!("{what}: trying again{old}")), true);
            }
            Err(_) => {}
        }
        if fresh {
            let (width, height) = Terminal::size();
            terminal.show(&screen(facts.as_ref(), &around, width, Some(height)), width, colour)?;
            fresh = false;
        }
        match Terminal::wait(BEAT)? {
            Pressed::Quit => return Ok(()),
            Pressed::Resized => fresh = true,
            Pressed::Nothing => {}
        }
    }
    Ok(())
}

/// Ends the screen at signals, so that the terminal is given back then, too.
fn listen(stop: Arc<AtomicBool>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
            tokio::select! {
                heard = asked_to_stop() => if heard.is_err() { return },
                _ = hangup.recv() => {}
            }
            stop.store(true, Ordering::Relaxed);
            // Where the terminal itself is gone, reading from it never returns: then nothing is left to give back.
            tokio::time::sleep(GONE).await;
            std::process::exit(1);
        });
    });
    Ok(())
}
