//! Checkpoint files, whole and tampered with.

use super::*;

/// The secret key of RFC 8032 section 7.1, test 1, in PKCS#8 version 1.
fn signer() -> Signer {
    let seed = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ];
    let header = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    Signer::from_pkcs8(&[header.as_slice(), &seed].concat()).expect("a key")
}

fn anchor(shard: u8, sequence: u64) -> Anchor {
    Anchor {
        position: Position { shard, sequence },
        head: [shard; 32],
        leaf: [0xF0 | shard; 32],
    }
}

fn file() -> CheckpointFile {
    CheckpointFile {
        prefix: "cs".into(),
        anchors: vec![anchor(0, 8_412), anchor(1, 7)],
    }
}

#[test]
fn the_text_is_a_signed_note() {
    let text = file().sign(&signer());
    let expected = "countersign/cs\n\
        0 8412 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= 8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PA=\n\
        1 7 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE= 8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fE=\n\
        \n\
        \u{2014} countersign/cs ";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(text.lines().count(), 5);
}

#[test]
fn it_reads_back() {
    let text = file().sign(&signer());
    let read = CheckpointFile::verify(&text, "cs", &signer().public_key()).expect("verifies");
    assert_eq!(read, file());
}

#[test]
fn every_change_is_noticed() {
    let text = file().sign(&signer());
    let key = signer().public_key();
    for (index, letter) in text.char_indices() {
        let other = if letter == '1' { '2' } else { '1' };
        let mut changed = text.clone();
        changed.replace_range(index..index + letter.len_utf8(), &other.to_string());
        // The last characters of base64 may spell the same bytes, and the last
        // line may lack its end: nothing that is believed says anything else.
        for text in [changed.as_str(), &text[..index]] {
            let result = CheckpointFile::verify(text, "cs", &key);
            assert!(result.is_err() || result.is_ok_and(|read| read == file()));
        }
    }
}

#[test]
fn another_key_and_another_deployment_are_refused() {
    let text = file().sign(&signer());
    assert!(matches!(
        CheckpointFile::verify(&text, "cs", &[7; 32]),
        Err(CheckpointFileError::Signature)
    ));
    assert!(matches!(
        CheckpointFile::verify(&text, "cs2", &signer().public_key()),
        Err(CheckpointFileError::Origin)
    ));
}

#[test]
fn a_witness_may_sign_beside_us() {
    let text = format!(
        "{}\u{2014} witness.example AAAAAAAA\n",
        file().sign(&signer())
    );
    assert!(CheckpointFile::verify(&text, "cs", &signer().public_key()).is_ok());
}

#[test]
fn anchors_only_advance() {
    let mut known = file();
    assert!(!known.advance(&[anchor(0, 8_411), anchor(1, 7)]));
    assert_eq!(known, file());
    assert!(known.advance(&[anchor(1, 8), anchor(3, 1)]));
    assert_eq!(
        known.anchors,
        [anchor(0, 8_412), anchor(1, 8), anchor(3, 1)]
    );
}

#[test]
fn it_is_replaced_in_one_step_and_its_absence_is_no_error() {
    let folder = std::env::temp_dir().join(format!("countersign-anchor-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("checkpoint");
    let key = signer().public_key();
    assert!(
        CheckpointFile::read(&path, "cs", &key)
            .expect("no file is no error")
            .is_none()
    );
    file().write(&path, &signer()).expect("writes");
    let mut newer = file();
    newer.advance(&[anchor(1, 9)]);
    newer.write(&path, &signer()).expect("writes again");
    let read = CheckpointFile::read(&path, "cs", &key).expect("reads");
    assert_eq!(read, Some(newer));
    let files = fs::read_dir(&folder).expect("lists").count();
    assert_eq!(files, 1, "nothing else is left behind");
    fs::remove_dir_all(&folder).expect("cleans up");
}
