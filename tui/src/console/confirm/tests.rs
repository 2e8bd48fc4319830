//! The dialog, key by key.

use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-22 14:03:07 UTC);
const LATER: OffsetDateTime = datetime!(2026-11-22 14:03:08 UTC);

fn dialog(verb: Verb, number: u128) -> Confirm {
    let target = |id: u128| Target {
        id: id.to_string(),
        label: format!("t{id}"),
        own: false,
    };
    Confirm::new(verb, (0..number).map(target).collect(), Vec::new(), NOW)
}

fn press(dialog: &mut Confirm, code: KeyCode) -> Outcome {
    dialog.key(KeyEvent::new(code, KeyModifiers::NONE), LATER)
}

fn typed(dialog: &mut Confirm, text: &str) {
    for character in text.chars() {
        assert_eq!(press(dialog, KeyCode::Char(character)), Outcome::Stay);
    }
}

#[test]
fn nothing_is_obeyed_while_it_opens_and_enter_cancels() {
    let mut dialog = dialog(Verb::RevokeSession, 1);
    let early = NOW + DEAD - Duration::MILLISECOND;
    let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
    assert_eq!(dialog.key(enter, early), Outcome::Stay);
    assert_eq!(dialog.focus, Focus::Cancel);
    assert_eq!(dialog.key(enter, NOW + DEAD), Outcome::Close);
}

#[test]
fn one_target_takes_a_reason_and_y() {
    let mut dialog = dialog(Verb::RevokeSession, 1);
    typed(&mut dialog, "y it was stolen");
    press(&mut dialog, KeyCode::Tab);
    assert_eq!(dialog.focus, Focus::Act);
    let Outcome::Act(orders) = press(&mut dialog, KeyCode::Char('y')) else {
        panic!("not acted");
    };
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].reason, "y it was stolen");
}

#[test]
fn several_targets_take_their_number_and_no_paste_confirms() {
    let mut dialog = dialog(Verb::RevokeSession, 3);
    typed(&mut dialog, "why");
    press(&mut dialog, KeyCode::Tab);
    dialog.paste("3", LATER);
    press(&mut dialog, KeyCode::Tab);
    assert_eq!(press(&mut dialog, KeyCode::Char('y')), Outcome::Stay);
    assert_eq!(dialog.note.as_deref(), Some("type 3 to confirm"));
    press(&mut dialog, KeyCode::BackTab);
    typed(&mut dialog, "3");
    press(&mut dialog, KeyCode::Tab);
    assert!(
        matches!(press(&mut dialog, KeyCode::Char('y')), Outcome::Act(orders) if orders.len() == 3)
    );
    let mut wide = self::dialog(Verb::RevokeAll, 1);
    assert_eq!(wide.asked().as_deref(), Some("all"));
    typed(&mut wide, "why");
    press(&mut wide, KeyCode::Tab);
    press(&mut wide, KeyCode::Tab);
    assert_eq!(press(&mut wide, KeyCode::Char('y')), Outcome::Stay);
}

#[test]
fn no_reason_no_act_and_the_start_key_is_a_letter_like_others() {
    let mut dialog = dialog(Verb::Suspend, 1);
    press(&mut dialog, KeyCode::BackTab);
    assert_eq!(dialog.focus, Focus::Act);
    assert_eq!(press(&mut dialog, KeyCode::Char('x')), Outcome::Stay);
    assert_eq!(press(&mut dialog, KeyCode::Char('y')), Outcome::Stay);
    assert!(dialog.note.is_some());
}
