//! The reference page: the whole table as Markdown.
//!
//! Room:       `config`, for readers.
//! Called by:  `cli::config`, `ottla config reference`.
//! Calls:      nothing.
//! Never:      says what the table does not say.

use super::property::{Bound, Importance, Property, Serving, Update};
use super::table;

/// The page. Properties we serve come first in each section, then those only accepted.
pub fn page() -> String {
    let mut page = String::from(
        "# Properties\n\nNames, types, bounds and defaults are Apache Kafka's, except in the \
         Ottla sections.\nA file needs none of them.\n",
    );
    for (title, rows) in table::BROKER_PAGES.iter().chain(table::TOPIC_PAGES) {
        section(&mut page, title, rows);
    }
    section(&mut page, "Group", table::groups::GROUP);
    section(&mut page, "Client metrics", table::metrics::CLIENT_METRICS);
    page
}

fn section(page: &mut String, title: &str, rows: &[Property]) {
    page.push_str(&format!("\n## {title}\n"));
    let served: Vec<_> = rows.iter().filter(|row| is_served(row)).collect();
    if !served.is_empty() {
        page.push_str(
            "\n| property | value | default | changes | about |\n|---|---|---|---|---|\n",
        );
    }
    for row in served {
        page.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            row.name,
            Bound(row.kind),
            default(row),
            changes(row.update),
            row.about(),
        ));
    }
    let others = |kept: fn(&Serving) -> bool| {
        let names = rows
            .iter()
            .filter(move |row| is_public(row) && kept(&row.serving));
        names
            .map(|row| format!("`{}`", row.name))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let later = others(|serving| matches!(serving, Serving::Later));
    if !later.is_empty() {
        page.push_str(&format!("\nAccepted, not served yet: {later}.\n"));
    }
    let unneeded = others(|serving| matches!(serving, Serving::Unneeded(_)));
    if !unneeded.is_empty() {
        page.push_str(&format!(
            "\nAccepted, nothing left for them to do: {unneeded}.\n"
        ));
    }
}

fn is_served(row: &Property) -> bool {
    matches!(row.serving, Serving::Served(_))
}

fn is_public(row: &Property) -> bool {
    row.importance != Importance::Internal
}

fn default(row: &Property) -> String {
    match row.default {
        None => "not set".to_owned(),
        Some("") => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
    }
}

fn changes(update: Update) -> &'static str {
    match update {
        Update::ReadOnly => "at start",
        Update::PerBroker => "per broker",
        Update::ClusterWide => "any time",
        Update::Dynamic => "any time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_public_property_once_or_more() {
        let page = page();
        for property in table::brokers()
            .chain(table::topics())
            .filter(|row| is_public(row))
        {
            assert!(
                page.contains(&format!("`{}`", property.name)),
                "{}",
                property.name
            );
        }
        assert!(page.contains("| `ottla.memory.bytes` | a whole number, at least 16777216 |"));
    }
}
