//! `/websocket`: JSON-RPC over a websocket, with CometBFT's subscriptions.
//!
//! 1. Every method of the facade is served. `subscribe`, `unsubscribe` and `unsubscribe_all` are here; an event
//!    carries the id of the request that subscribed, as in CometBFT.
//! 2. `NewBlock`, `NewBlockHeader` and `Tx` are offered, under every engine alike, and come after the block is
//!    in the index: what an event names is found. Other events are refused by name.
//! 3. A subscription begins with the next block and misses none.
//! 4. At most [`CLIENTS_MAX`] websockets with [`SUBSCRIPTIONS_MAX`] subscriptions each; a message has at most
//!    [`super::BODY_BYTES_MAX`] bytes. A client that does not read for [`WRITE_TIMEOUT`] is closed.

use super::methods;
use super::params::Params;
use super::{BODY_BYTES_MAX, Facade, RpcError, answer_one, envelope, shapes};
use crate::index::{Condition, IndexedTx, parse_query};
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tendermint_proto::v0_38::abci::Event;
use tokio::sync::OwnedSemaphorePermit;

/// Websockets at once (rule 4).
pub(super) const CLIENTS_MAX: usize = 100;
/// Subscriptions of one websocket (rule 4).
const SUBSCRIPTIONS_MAX: usize = 5;
/// Bytes of a query, as in CometBFT.
const QUERY_BYTES_MAX: usize = 512;
/// How long a client may not read (rule 4).
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pings.
const PING_INTERVAL: Duration = Duration::from_secs(20);

struct Subscription {
    id: Value,
    query: String,
    /// `tm.event`; without it all three.
    event: Option<String>,
    conditions: Vec<Condition>,
}

struct Client {
    facade: Facade,
    socket: WebSocket,
    subscriptions: Vec<Subscription>,
    /// The newest height that was told (rule 3).
    told: u64,
    _place: OwnedSemaphorePermit,
}

/// The client is gone, or too slow.
struct Gone;

pub(super) async fn upgrade(
    State(facade): State<Facade>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.into_response(),
    };
    let Ok(place) = facade.websockets.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many websockets; try again later")
            .into_response();
    };
    upgrade.max_message_size(BODY_BYTES_MAX).max_frame_size(BODY_BYTES_MAX).on_upgrade(
        move |socket| async move {
            let subscriptions = Vec::new();
            let client = Client { facade, socket, subscriptions, told: 0, _place: place };
            // How a client leaves changes nothing.
            let _gone = client.run().await;
        },
    )
}

impl Client {
    async fn run(mut self) -> Result<(), Gone> {
        let mut heights = self.facade.index.heights();
        let mut ping = tokio::time::interval(PING_INTERVAL);
        loop {
            tokio::select! {
                received = self.socket.recv() => match received {
                    Some(Ok(Message::Text(text))) => self.request(text.as_bytes()).await?,
                    Some(Ok(Message::Binary(bytes))) => self.request(&bytes).await?,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                },
                changed = heights.changed() => {
                    changed.map_err(|_| Gone)?;
                    let newest = *heights.borrow_and_update();
                    self.tell(newest).await?;
                }
                _ = ping.tick() => self.send(Message::Ping(Vec::new().into())).await?,
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match tokio::time::timeout(WRITE_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }

    async fn request(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let answer = match serde_json::from_slice::<Value>(bytes) {
            Ok(request) => match request["method"].as_str() {
                Some("subscribe" | "unsubscribe" | "unsubscribe_all") => {
                    let outcome = self.subscription(&request);
                    envelope(&request["id"], outcome.map(|()| json!({})))
                }
                _ => answer_one(&self.facade, &request).await,
            },
            Err(error) => envelope(&Value::Null, Err(RpcError::parse(&error))),
        };
        self.send(Message::Text(answer.to_string().into())).await
    }

    fn subscription(&mut self, request: &Value) -> Result<(), RpcError> {
        if request["method"] == "unsubscribe_all" {
            self.subscriptions.clear();
            return Ok(());
        }
        let params = Params::of_json(&request["params"]);
        let query = params.text("query", 0)?.unwrap_or_default();
        if request["method"] == "unsubscribe" {
            let before = self.subscriptions.len();
            self.subscriptions.retain(|subscription| subscription.query != query);
            let ended = self.subscriptions.len() < before;
            return if ended { Ok(()) } else { Err(RpcError::internal("subscription not found")) };
        }
        if self.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            let text = format!("max_subscriptions_per_client {SUBSCRIPTIONS_MAX} reached");
            return Err(RpcError::internal(text));
        }
        if self.subscriptions.iter().any(|subscription| subscription.query == query) {
            return Err(RpcError::internal("already subscribed"));
        }
        self.subscriptions.push(Subscription::parse(request["id"].clone(), query)?);
        if self.subscriptions.len() == 1 {
            self.told = self.facade.index.height();
        }
        Ok(())
    }

    /// Tells the subscribers of every block up to `newest` (rule 3).
    async fn tell(&mut self, newest: u64) -> Result<(), Gone> {
        while self.told < newest && !self.subscriptions.is_empty() {
            let height = self.told + 1;
            match events(&self.facade, height, &self.subscriptions).await {
                Ok(events) => {
                    for event in events {
                        self.send(Message::Text(event.to_string().into())).await?;
                    }
                }
                Err(error) => {
                    tracing::warn!(height, ?error, "a block's events cannot be told");
                    return Err(Gone);
                }
            }
            self.told = height;
        }
        Ok(())
    }
}

impl Subscription {
    fn parse(id: Value, query: String) -> Result<Subscription, RpcError> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(RpcError::internal("maximum query length exceeded"));
        }
        let mut event = None;
        let mut conditions = parse_query(&query).map_err(RpcError::params)?;
        conditions.retain(|condition| match condition {
            Condition::Attribute(key, value) if key == "tm.event" => {
                event = Some(value.clone());
                false
            }
            _ => true,
        });
        if let Some(event) = &event
            && !["NewBlock", "NewBlockHeader", "Tx"].contains(&event.as_str())
        {
            let text =
                format!("{event} is not offered: subscribe to NewBlock, NewBlockHeader or Tx");
            return Err(RpcError::params(text));
        }
        Ok(Subscription { id, query, event, conditions })
    }

    fn wants(&self, event: &str) -> bool {
        self.event.as_ref().is_none_or(|wanted| wanted == event)
    }

    /// True if the attributes meet every condition.
    fn meets(&self, height: u64, attributes: &Attributes) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Height(least, most) => (*least..=*most).contains(&height),
            Condition::Hash(hash) => {
                let wanted = hex::encode_upper(hash);
                attributes.get("tx.hash").is_some_and(|found| found.contains(&wanted))
            }
            Condition::Attribute(key, value) => {
                attributes.get(key).is_some_and(|found| found.contains(value))
            }
        })
    }

    fn event(&self, kind: &str, value: &Value, attributes: &Attributes) -> Value {
        let data = json!({ "type": format!("tendermint/event/{kind}"), "value": value });
        let result = json!({ "query": self.query, "data": data, "events": attributes });
        envelope(&self.id, Ok(result))
    }
}

/// `type.key` and the values, as CometBFT tells them.
type Attributes = BTreeMap<String, Vec<String>>;

fn attributes(kind: &str, events: &[Event]) -> Attributes {
    let mut found = Attributes::new();
    found.insert("tm.event".into(), vec![kind.into()]);
    for event in events {
        for attribute in event.attributes.iter().filter(|attribute| !attribute.key.is_empty()) {
            let key = format!("{}.{}", event.r#type, attribute.key);
            found.entry(key).or_default().push(attribute.value.clone());
        }
    }
    found
}

/// The events of a block that the subscriptions want, in CometBFT's order.
async fn events(
    facade: &Facade,
    height: u64,
    subscriptions: &[Subscription],
) -> Result<Vec<Value>, RpcError> {
    let index = facade.index.clone();
    let read = move || Ok::<_, dadbs_types::Fatal>((index.outcome(height)?, index.txs_of(height)?));
    let read = tokio::task::spawn_blocking(read).await;
    let (outcome, txs) = read.map_err(|_| RpcError::internal("the search panicked"))??;
    let outcome = outcome.unwrap_or_default();
    let mut found = Vec::new();
    let blocks = ["NewBlock", "NewBlockHeader"];
    if subscriptions.iter().any(|wanted| blocks.iter().any(|kind| wanted.wants(kind))) {
        let params = Params::of_json(&json!({ "height": height.to_string() }));
        let mut block = methods::engine(facade, "block", &params).await?;
        let header = json!({ "header": block["block"]["header"] });
        block["result_finalize_block"] = shapes::finalize_block(&outcome);
        // As CometBFT does it: what happened in a block comes with the block, not with its header.
        let told = [(&block, &outcome.events[..]), (&header, &[])];
        for (kind, (value, events)) in blocks.into_iter().zip(told) {
            let attributes = attributes(kind, events);
            for wanted in subscriptions.iter().filter(|wanted| wanted.wants(kind)) {
                if wanted.meets(height, &attributes) {
                    found.push(wanted.event(kind, value, &attributes));
                }
            }
        }
    }
    for tx in &txs {
        tell_tx(tx, subscriptions, &mut found);
    }
    Ok(found)
}

fn tell_tx(tx: &IndexedTx, subscriptions: &[Subscription], found: &mut Vec<Value>) {
    let mut attributes = attributes("Tx", &tx.result.events);
    let hash = hex::encode_upper(crate::convert::tx_hash(&tx.tx));
    attributes.insert("tx.hash".into(), vec![hash]);
    attributes.insert("tx.height".into(), vec![tx.height.to_string()]);
    let value = json!({ "TxResult": shapes::tx_event(tx) });
    for wanted in subscriptions.iter().filter(|wanted| wanted.wants("Tx")) {
        if wanted.meets(tx.height, &attributes) {
            found.push(wanted.event("Tx", &value, &attributes));
        }
    }
}
