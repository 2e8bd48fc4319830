//! Lists.

use poem_openapi::Object;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON, Type};
use serde::{Deserialize, Serialize};

/// One page of a list.
///
/// A list is read with `?limit=&after=`; `after` is the `next` of the page
/// before. A cursor is opaque, and it belongs to the list it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Page<T: Type + ParseFromJSON + ToJSON + Example> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; null on the last page.
    #[oai(nullable)]
    pub next: Option<String>,
}

impl<T: Type + ParseFromJSON + ToJSON + Example> Example for Page<T> {
    fn example() -> Self {
        Self {
            items: vec![T::example()],
            next: None,
        }
    }
}
