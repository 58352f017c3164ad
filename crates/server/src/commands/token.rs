//! `hauspost token`.

use std::fmt::Write;

use super::print;
use crate::admin::{Reply, Request, open_existing};
use crate::cli::Token;
use crate::config::Config;

/// Runs one of the commands about tokens of the REST interface.
pub(super) fn run(config: &Config, token: &Token) -> anyhow::Result<()> {
    let mut target = open_existing(config)?;
    match token {
        Token::Create {
            name,
            scopes,
            label,
            days,
        } => {
            let request = Request::TokenCreate {
                name: name.clone(),
                label: label.clone().unwrap_or_default(),
                scopes: scopes.clone(),
                days: (*days > 0).then_some(*days),
            };
            match target.ask(request)? {
                Reply::Token { secret } => print(&format!("{secret}\n")),
                _ => anyhow::bail!("the server answered something else"),
            }
        }
        Token::List { name } => match target.ask(Request::TokenList { name: name.clone() })? {
            Reply::Tokens { list } => {
                let mut text = String::new();
                for token in list {
                    let _ = writeln!(
                        text,
                        "{}\t{}\t{}\t{}\t{}\t{}",
                        token.id,
                        token.created,
                        token.expires.as_deref().unwrap_or("-"),
                        token.last_used.as_deref().unwrap_or("-"),
                        token.scopes.join(","),
                        token.label
                    );
                }
                print(&text)
            }
            _ => anyhow::bail!("the server answered something else"),
        },
        Token::Revoke { name, id } => {
            target.ask(Request::TokenRevoke {
                name: name.clone(),
                id: id.clone(),
            })?;
            print(&format!("{id} revoked\n"))
        }
    }
}
