//! The form to sign in with.

use super::overlay::field;
use super::{Canvas, Tone};
use crate::console::model::{Model, SignIn};

/// Draws it, and says where the cursor belongs.
pub(super) fn draw(model: &Model, form: &SignIn, canvas: &mut Canvas<'_>) -> (u16, u16) {
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let width = columns.min(64);
    let x = (columns - width) / 2;
    let mut pane = canvas.part(x, 0, width, rows.min(11));
    let mut inside = pane.pane("Sign in", "", true);
    let place = format!("{} at {}", model.deployment.name, model.deployment.url);
    inside.text(1, 0, u16::MAX, &place, Tone::Plain);
    if model.deployment.production {
        inside.text(1, 1, u16::MAX, "This is PRODUCTION.", Tone::Danger);
    }
    let at = if let Some(code) = &form.code {
        let email = form.email.text();
        inside.text(1, 3, u16::MAX, email, Tone::Dim);
        let told = "The code of your authenticator app, or a recovery code:";
        inside.text(1, 4, u16::MAX, told, Tone::Plain);
        (field(&mut inside, 1, 5, 40, code, false), 5)
    } else {
        inside.text(1, 3, 9, "Email", Tone::Plain);
        inside.text(1, 5, 9, "Password", Tone::Plain);
        let email = field(&mut inside, 11, 3, 46, &form.email, false);
        let password = field(&mut inside, 11, 5, 46, &form.password, true);
        if form.at_password {
            (password, 5)
        } else {
            (email, 3)
        }
    };
    if form.busy {
        inside.text(1, 7, u16::MAX, "signing in ...", Tone::Dim);
    } else if let Some(refused) = &form.refused {
        inside.wrapped(1, 7, refused, Tone::Danger);
    } else if model.has_seed && form.code.is_none() {
        let told = "Enter alone signs in with dev.json.";
        inside.text(1, 7, u16::MAX, told, Tone::Dim);
    }
    (x + 1 + at.0, 1 + at.1)
}
