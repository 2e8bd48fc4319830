//! Who there is: made up, and kept beside the data from one start to the next.

use std::fs;
use std::path::PathBuf;

use countersign_api::EmailAddress;
use countersign_openapi::Secret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dice::Dice;
use crate::parts::Failure;
use crate::verbs::{readable_password, write_private};

/// How many people there are at most.
pub(super) const PEOPLE_MAX: usize = 48;

/// How many sessions one of them holds at most.
pub(super) const SESSIONS_MAX: usize = 3;

/// How many people a file may name.
const FILE_PEOPLE_MAX: usize = 2 * PEOPLE_MAX;

const FIRST: &[&str] = &[
    "Ada", "Aino", "Amara", "Bao", "Chiara", "Dewi", "Elif", "Emeka", "Farah", "Goran", "Hana",
    "Ines", "Ivo", "Jamal", "Kaito", "Leila", "Liv", "Mateo", "Mira", "Nadia", "Noor", "Olek",
    "Priya", "Rafael", "Sanna", "Tariq", "Tomás", "Uma", "Viktor", "Wren", "Yara", "Zoé",
];

const LAST: &[&str] = &[
    "Achterberg",
    "Adeyemi",
    "Bianchi",
    "Castro",
    "Dahl",
    "Eriksen",
    "Ferrari",
    "Grabowski",
    "Haddad",
    "Ito",
    "Jansen",
    "Kaya",
    "Kim",
    "Lindqvist",
    "Moreau",
    "Novák",
    "Okafor",
    "Pham",
    "Quispe",
    "Rao",
    "Santos",
    "Tanaka",
    "Ueda",
    "Varga",
    "Weber",
    "Yılmaz",
];

const DOMAINS: &[&str] = &["example.com", "example.net", "example.org"];

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:149.0) Gecko/20100101 Firefox/149.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.4 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.4 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36",
    "curl/8.14.1",
    "orders-app/3.2 (iOS 19.4)",
];

/// A session that somebody holds.
pub(super) struct Held {
    pub(super) id: Uuid,
    pub(super) access: Secret,
    pub(super) refresh: Secret,
    /// The refresh token before, and when it was used, in milliseconds.
    pub(super) before: Option<(Secret, i64)>,
}

/// Somebody who does not exist.
#[derive(Serialize, Deserialize)]
pub(crate) struct Person {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) password: Secret,
    pub(super) address: String,
    pub(super) agent: String,
    /// The seed of their authenticator app, in base32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) totp_secret: Option<Secret>,
    /// Whether they have an account yet.
    #[serde(default)]
    pub(super) is_registered: bool,
    #[serde(skip)]
    pub(super) sessions: Vec<Held>,
    /// By what the service knows their device.
    #[serde(skip)]
    pub(super) device: Option<Secret>,
    /// The last code that was shown to the service; each counts once.
    #[serde(skip)]
    pub(super) step: u64,
}

impl Person {
    /// Somebody else than the `number` people before.
    fn draw(number: usize, dice: &mut Dice) -> Result<Self, Failure> {
        // Two lists of different lengths meet in a new pair every time.
        let (first, last) = (number % FIRST.len(), (number * 7 + 3) % LAST.len());
        let (first, last) = (FIRST[first], LAST[last]);
        let local = format!("{first}.{last}.{number}");
        let local: String = local.chars().map(plain).collect();
        let address = match dice.below(5) {
            0 => format!("2001:db8:{:x}::{:x}", dice.below(64), 1 + dice.below(200)),
            1 => format!("203.0.113.{}", 1 + dice.below(250)),
            side => format!(
                "198.{}.{}.{}",
                18 + side % 2,
                dice.below(32),
                1 + dice.below(250)
            ),
        };
        Ok(Self {
            email: format!("{local}@{}", dice.pick(DOMAINS)),
            name: format!("{first} {last}"),
            password: Secret::new(readable_password()?),
            address,
            agent: dice.pick(AGENTS).to_owned(),
            totp_secret: None,
            is_registered: false,
            sessions: Vec::new(),
            device: None,
            step: 0,
        })
    }

    /// The operator of the demonstration, who has an authenticator app.
    pub(crate) fn operator(totp_secret: Secret) -> Result<Self, Failure> {
        let mut operator = Self::draw(0, &mut Dice::new(0))?;
        "demo-operator@countersign.test".clone_into(&mut operator.email);
        "198.51.100.7".clone_into(&mut operator.address);
        operator.totp_secret = Some(totp_secret);
        operator.is_registered = true;
        Ok(operator)
    }

    /// What an account is made from.
    pub(crate) fn credentials(&self) -> Result<(EmailAddress, &Secret, Option<&Secret>), Failure> {
        let email = EmailAddress::parse(&self.email).map_err(Failure::other)?;
        Ok((email, &self.password, self.totp_secret.as_ref()))
    }

    /// Holds one more session, in place of the oldest if there are too many.
    pub(super) fn hold(&mut self, held: Held) {
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions.remove(0);
        }
        self.sessions.push(held);
    }
}

/// A letter as it stands in an address.
fn plain(letter: char) -> char {
    match letter {
        'á' => 'a',
        'é' => 'e',
        'ı' => 'i',
        other => other.to_ascii_lowercase(),
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    operator: Person,
    people: Vec<Person>,
}

/// The people, and the private file that they are kept in.
pub(crate) struct Book {
    path: PathBuf,
    file: File,
}

impl Book {
    /// Reads the file, or begins one.
    pub(crate) fn open(
        path: PathBuf,
        operator: impl FnOnce() -> Result<Person, Failure>,
    ) -> Result<Self, Failure> {
        let kept = fs::read_to_string(&path).ok();
        let kept = kept.and_then(|text| serde_json::from_str::<File>(&text).ok());
        let file = match kept {
            Some(mut file) => {
                file.people.truncate(FILE_PEOPLE_MAX);
                file
            }
            None => File {
                operator: operator()?,
                people: Vec::new(),
            },
        };
        let book = Self { path, file };
        book.save()?;
        Ok(book)
    }

    pub(super) fn save(&self) -> Result<(), Failure> {
        let text = serde_json::to_string(&self.file).map_err(Failure::other)?;
        write_private(&self.path, &text)
    }

    pub(crate) fn operator(&mut self) -> &mut Person {
        &mut self.file.operator
    }

    pub(super) fn people(&self) -> &[Person] {
        &self.file.people
    }

    pub(super) fn person(&mut self, index: usize) -> Option<&mut Person> {
        self.file.people.get_mut(index)
    }

    /// Somebody new, kept before the service hears of them.
    pub(super) fn add(&mut self, dice: &mut Dice) -> Result<usize, Failure> {
        let index = self.file.people.len();
        self.file.people.push(Person::draw(index, dice)?);
        self.save()?;
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn people_are_many_and_different_and_have_good_addresses() {
        let mut dice = Dice::new(1);
        let all: Vec<Person> = (0..PEOPLE_MAX)
            .map(|number| Person::draw(number, &mut dice).expect("somebody"))
            .collect();
        let names: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names.len(), PEOPLE_MAX, "two people have one name");
        let agents: BTreeSet<&str> = all.iter().map(|one| one.agent.as_str()).collect();
        assert_eq!(agents.len(), AGENTS.len());
        for one in &all {
            assert!(EmailAddress::parse(&one.email).is_ok(), "{}", one.email);
            assert!(one.email.is_ascii(), "{}", one.email);
            assert!(one.address.parse::<IpAddr>().is_ok(), "{}", one.address);
        }
        let networks = all.iter().map(|one| &one.address[..one.address.len() - 2]);
        assert!(networks.collect::<BTreeSet<_>>().len() > 10);
    }

    #[test]
    fn the_book_outlives_its_reader() {
        let path = std::env::temp_dir().join(format!("countersign-demo-{}", std::process::id()));
        let mut dice = Dice::new(1);
        let open = || {
            let operator = || Person::operator(Secret::new("JBSWY3DPEHPK3PXP"));
            Book::open(path.clone(), operator).expect("a book")
        };
        let mut book = open();
        let index = book.add(&mut dice).expect("somebody");
        let (email, password) = {
            let person = book.person(index).expect("somebody");
            (person.email.clone(), person.password.clone())
        };
        let mut again = open();
        let person = again.person(0).expect("somebody");
        assert_eq!(person.email, email);
        assert_eq!(person.password.expose(), password.expose());
        fs::remove_file(&path).expect("removed");
    }
}
