//! `POST /v1/experiments/{name}/arms/{arm}:pause`, `:resume`, `:retire`, `:promote`: changes to arms, with a token.

use super::body::{self, Fields};
use super::decision;
use super::doors::{Hall, PauseError};
use super::dto::ExperimentView;
use super::experiments::find;
use super::openapi::{Change, OfAny, OfBody, OfName, OfToken, command_action};
use super::problem::Problem;
use super::router::json;
use crate::event::{Command, CommandAction};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

const TOKEN_HINT: &str = "set token_file under [http] in the configuration and send its content as a bearer token";

/// A change that was made.
#[derive(Serialize, ToSchema)]
struct Changed<'a> {
    /// The id of the command on the control topic.
    event_id: &'a str,
    /// The experiment.
    experiment: &'a str,
    /// The arm.
    arm: &'a str,
    /// What was done.
    #[schema(schema_with = command_action)]
    action: CommandAction,
}

/// Applies a change at once: durable on this machine first, in the overlay for the next request, then on the control
/// topic as soon as Kafka takes it.
#[utoipa::path(
    post, path = "/v1/experiments/{name}/arms/{arm_action}", tag = "actions", operation_id = "change_arm",
    params(
        ("name" = String, Path, description = "the experiment"),
        ("arm_action" = String, Path, description = "the arm and what to do: `:pause`, `:resume`, `:retire`, `:promote`",
            example = "ncf:pause"),
    ),
    request_body = Change, security(("token" = [])),
    responses((status = 200, description = "It holds from the next request on.", body = Changed),
        OfBody, OfName, OfToken, OfAny)
)]
pub(super) async fn act(
    State(hall): State<Arc<Hall>>,
    Path((name, arm_action)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    authorised(&hall, request.headers())?;
    let (arm, action) = split(&arm_action)?;
    let held = body::read(&hall, request, hall.doors.bounds.body).await?;
    let mut fields = Fields::parse(&held.bytes)?;
    let reason = fields.text("reason")?;
    let actor = fields.optional_text("actor")?.unwrap_or_else(|| "http".to_owned());
    possible(&hall, &name, arm, action)?;
    let now = hall.doors.clock.now();
    let command = Command {
        event_id: hall.doors.ids.next(now).to_string(),
        event_time: now.0,
        action,
        experiment: name,
        arm: arm.to_owned(),
        actor,
        reason,
    };
    let made = command.clone();
    let pauses = Arc::clone(&hall.doors.pauses);
    // The disk may take its time; other requests do not wait for it.
    let done = tokio::task::spawn_blocking(move || pauses.request(command)).await;
    done.map_err(|_| Problem::internal())?.map_err(|error| refusal(&error))?;
    hall.doors.live.asked(&made);
    json(&Changed { event_id: &made.event_id, experiment: &made.experiment, arm: &made.arm, action })
}

/// `ncf:pause` is arm `ncf` and action `pause`; the arm's own name may hold colons.
fn split(arm_action: &str) -> Result<(&str, CommandAction), Problem> {
    let unknown = || {
        let detail = format!("{arm_action:?} does not end with an action");
        Problem::unknown("unknown_action", detail, "the actions are :pause, :resume, :retire and :promote")
    };
    let (arm, action) = arm_action.rsplit_once(':').ok_or_else(unknown)?;
    let action = match action {
        "pause" => CommandAction::Paused,
        "resume" => CommandAction::Resumed,
        "retire" => CommandAction::ArmRetired,
        "promote" => CommandAction::Promoted,
        _ => return Err(unknown()),
    };
    Ok((arm, action))
}

/// Whether the arm is there and the change does not contradict what it is now.
fn possible(hall: &Hall, name: &str, arm: &str, action: CommandAction) -> Result<(), Problem> {
    let (overlay, view) = hall.doors.sight()?;
    let experiment = decision::experiment(&*view, name)?;
    let now = ExperimentView::of(&*view, experiment, &overlay);
    let state = find(&now, arm)?.state;
    if state == "retired" {
        let hint = "an arm that has left does not come back; add an arm under a new name";
        return Err(Problem::conflict("arm_retired", format!("{arm} is retired"), hint));
    }
    if action == CommandAction::ArmRetired && now.baseline == arm {
        let hint = "promote another arm first; it then is the baseline";
        return Err(Problem::conflict("arm_is_baseline", format!("{arm} is the baseline"), hint));
    }
    Ok(())
}

fn refusal(error: &PauseError) -> Problem {
    match error {
        PauseError::NotDurable(_) => Problem::unavailable(
            "not_durable",
            error.to_string(),
            "see to the disk of the state folder, then repeat it",
        ),
        PauseError::Refused(_) => {
            Problem::conflict("refused", error.to_string(), "look at the experiment's state, then decide anew")
        }
    }
}

fn authorised(hall: &Hall, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = hall.doors.token.as_ref().filter(|t| !t.is_empty()) else {
        return Err(Problem::forbidden("no_token_configured", "this server takes no actions over HTTP", TOKEN_HINT));
    };
    let given = headers.get(header::AUTHORIZATION).map(|v| v.as_bytes());
    let given = given.and_then(|v| match v.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(rest.trim_ascii()),
        _ => None,
    });
    match given {
        None => Err(Problem::token_missing()),
        Some(given) if alike(given, token.as_bytes()) => Ok(()),
        Some(_) => Err(Problem::forbidden("token_wrong", "the token is not the one of this server", TOKEN_HINT)),
    }
}

/// Compares every byte whatever the first ones were, so that the time tells nothing; only the length may show.
fn alike(a: &[u8], b: &[u8]) -> bool {
    let mut difference = u8::from(a.len() != b.len());
    for (i, byte) in b.iter().enumerate() {
        difference |= byte ^ a.get(i).copied().unwrap_or(!byte);
    }
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_arm_and_its_action_are_told_apart_at_the_last_colon() {
        assert_eq!(split("ncf:pause").expect("valid"), ("ncf", CommandAction::Paused));
        assert_eq!(split("a:b:promote").expect("valid"), ("a:b", CommandAction::Promoted));
        for bad in ["ncf", "ncf:", "ncf:stop", ""] {
            assert_eq!(split(bad).expect_err("no action").code(), "unknown_action");
        }
    }

    proptest! {
        #[test]
        fn tokens_are_alike_only_when_equal(a in proptest::collection::vec(any::<u8>(), 0..9), b in proptest::collection::vec(any::<u8>(), 0..9)) {
            prop_assert_eq!(alike(&a, &b), a == b);
            prop_assert!(alike(&b, &b));
        }
    }
}
