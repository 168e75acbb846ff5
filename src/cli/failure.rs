//! How a command ends: the exit codes and what is said on stderr.

use std::process::ExitCode;

/// Why a command did not end well. Each kind has an exit code of its own, so that scripts need not read text.
#[derive(Debug)]
pub(super) enum Failure {
    /// It tried and failed: exit code 1.
    Failed(anyhow::Error),
    /// It was asked in a wrong way (clap answers most of these itself): exit code 2.
    Usage(String),
    /// It worked, and what it checked does not hold: exit code 3.
    Check(String),
}

/// What a command returns.
pub(super) type Outcome = Result<(), Failure>;

impl Failure {
    /// The exit code of the process.
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Check(_) => 3,
        })
    }

    /// The line for stderr: the error and what led to it.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Failed(error) => format!("error: {error:#}"),
            Self::Usage(text) => format!("error: {text}\n\nFor more information, try '--help'."),
            Self::Check(text) => format!("does not hold: {text}"),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_with_its_context() {
        let error = anyhow::anyhow!("connection refused").context("asking 127.0.0.1:7878");
        assert_eq!(Failure::Failed(error).message(), "error: asking 127.0.0.1:7878: connection refused");
    }

    #[test]
    fn codes_are_those_that_are_documented() {
        let codes = [Failure::Failed(anyhow::anyhow!("x")), Failure::Usage("x".into()), Failure::Check("x".into())]
            .map(|f| format!("{:?}", f.code()));
        assert_eq!(codes, [1_u8, 2, 3].map(|n| format!("{:?}", ExitCode::from(n))));
    }
}
