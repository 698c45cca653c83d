//! A worker: `worker HOST:PORT EXPERIMENT_ID WORKER_ID`.

use std::error::Error;
use std::time::Duration;

use nextpoint::{Client, Worker};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, experiment_id, worker_id] = arguments.as_slice() else {
        return Err("usage: worker HOST:PORT EXPERIMENT_ID WORKER_ID".into());
    };
    let client = Client::new(address)?;
    let worker = Worker::new(&client, experiment_id).id(worker_id);
    let finished = worker
        .run(async |suggestion| {
            let x = suggestion.assignments.double("x")?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, nextpoint::Error>([("m", (x - 0.3).powi(2))])
        })
        .await?;
    let reason = finished.reason.map(|reason| reason.as_str_name());
    let reason = reason.and_then(|name| name.strip_prefix("STREAM_CLOSED_REASON_"));
    let line = serde_json::json!({"evaluated": finished.evaluated, "reason": reason});
    println!("{line}");
    Ok(())
}
