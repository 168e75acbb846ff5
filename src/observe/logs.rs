//! Logs: text or JSON lines on stderr. Stdout belongs to what a command prints.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("log filter {filter:?} cannot be read: {detail}")]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Something in this process logs already.
    #[error("logging is already set up in this process")]
    Twice,
}

/// Sends logs to stderr from now on. `filter` is a level or a list of `target=level` (`info,reiver::join=debug`).
///
/// Called once, by the command line; a library user brings a subscriber of their own.
///
/// # Errors
/// When the filter cannot be read, or logging was set up before.
pub fn init_logs(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let parsed = EnvFilter::try_new(filter)
        .map_err(|e| LogError::Filter { filter: filter.to_owned(), detail: e.to_string() })?;
    let builder = tracing_subscriber::fmt().with_env_filter(parsed).with_writer(std::io::stderr);
    let done = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    done.map_err(|_| LogError::Twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_refused_with_its_text() {
        let error = init_logs(LogFormat::Json, "info,=x=y").expect_err("no filter");
        assert!(error.to_string().contains("info,=x=y"), "{error}");
    }
}
