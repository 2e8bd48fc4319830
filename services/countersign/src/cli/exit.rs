//! How the program ends, by what went wrong.

use countersign_api::Denied;
use countersign_openapi::ProblemCode;
use countersign_projector::RebuildError;
use countersign_tui::ClientError;

use crate::Exit;
use crate::parts::Failure;

/// What scripts are told; the README says the same.
pub(super) const CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage or settings
  3  given up: a question was declined, or Ctrl-C
  4  sign-in needed: nobody is signed in, or a second factor is missing
  5  not found
  6  done in part, or not applied by every verifier
  7  something that is needed does not answer; for NATS serve, project, replay
     and bootstrap wait instead, bootstrap for Postgres, too

Nobody is asked for anything where there is no terminal.";

/// The one table from failure to exit code.
pub(super) fn of(failure: &Failure) -> Exit {
    match failure {
        Failure::Settings(_) | Failure::Config(_) | Failure::Usage(_) => Exit::Usage,
        Failure::Client(error) => of_client(error),
        Failure::Log(error)
        | Failure::Service(Denied::Log(error))
        | Failure::Rebuild(RebuildError::Log(error))
            if error.is_transient() =>
        {
            Exit::Unavailable
        }
        Failure::Views(error)
        | Failure::Service(Denied::Views(error))
        | Failure::Rebuild(RebuildError::View(error))
            if error.is_unavailable() =>
        {
            Exit::Unavailable
        }
        _ => Exit::Failed,
    }
}

fn of_client(error: &ClientError) -> Exit {
    match error {
        ClientError::Unreachable(error) if error.is_builder() => Exit::Usage,
        ClientError::Unreachable(_) | ClientError::Busy(_) => Exit::Unavailable,
        ClientError::SecondFactor | ClientError::SignedOut => Exit::SignIn,
        ClientError::Cancelled => Exit::Cancelled,
        ClientError::Problem(details) => match (details.code, details.status) {
            (_, 401) => Exit::SignIn,
            (ProblemCode::NotFound, _) => Exit::NotFound,
            (ProblemCode::ValidationFailed, _) => Exit::Usage,
            (ProblemCode::RequestTimeout, _) | (_, 429 | 503) => Exit::Unavailable,
            _ => Exit::Failed,
        },
        ClientError::Contract(_) | ClientError::Keep(_) | ClientError::Terminal(_) => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use countersign_log::LogError;
    use countersign_openapi::ProblemDetails;
    use countersign_views::ViewError;

    use super::*;

    #[test]
    fn what_does_not_answer_is_told_apart_whoever_asked_it() {
        let away = || ViewError::from(sqlx::Error::PoolTimedOut);
        let log = || LogError::Unavailable("no answer".into());
        for failure in [
            Failure::Views(away()),
            Failure::Service(Denied::Views(away())),
            Failure::Rebuild(RebuildError::View(away())),
            Failure::Log(log()),
            Failure::Service(Denied::Log(log())),
            Failure::Rebuild(RebuildError::Log(log())),
        ] {
            assert_eq!(of(&failure), Exit::Unavailable, "{failure}");
        }
        let broken = ViewError::broken("a column is missing");
        let failure = Failure::Rebuild(RebuildError::View(broken));
        assert_eq!(of(&failure), Exit::Failed);
    }

    #[test]
    fn a_problem_ends_as_scripts_are_told() {
        for (code, expected) in [
            (ProblemCode::InvalidCredentials, Exit::SignIn),
            (ProblemCode::MfaInvalid, Exit::SignIn),
            (ProblemCode::TokenExpired, Exit::SignIn),
            (ProblemCode::InsufficientUserAuthentication, Exit::SignIn),
            (ProblemCode::InsufficientPermissions, Exit::Failed),
            (ProblemCode::Conflict, Exit::Failed),
            (ProblemCode::NotFound, Exit::NotFound),
            (ProblemCode::ValidationFailed, Exit::Usage),
            (ProblemCode::RateLimited, Exit::Unavailable),
            (ProblemCode::PositionNotReached, Exit::Unavailable),
            (ProblemCode::InternalError, Exit::Failed),
        ] {
            let details = Box::new(ProblemDetails::new(code));
            let failure = Failure::Client(ClientError::Problem(details));
            assert_eq!(of(&failure), expected, "{code}");
        }
        for (error, expected) in [
            (ClientError::SecondFactor, Exit::SignIn),
            (ClientError::SignedOut, Exit::SignIn),
            (ClientError::Cancelled, Exit::Cancelled),
        ] {
            assert_eq!(of(&Failure::Client(error)), expected);
        }
        assert_eq!(of(&Failure::usage("no deployment")), Exit::Usage);
    }
}
