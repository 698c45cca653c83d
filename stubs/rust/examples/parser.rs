//! Tunes the buffers of a parser for throughput: `parser HOST:PORT`, built with `--release`.
//!
//! One thread reads lines of `name=number` and collects the names in an arena, batch by batch;
//! another takes the batches and adds up the numbers. Small buffers cost system calls, allocations
//! and wake-ups of the other thread; large ones fall out of the processor's caches.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use nextpoint::v1::{
    Bounds, CreateExperimentRequest, ListBestAssignmentsRequest, Metric, Parameter,
    ParameterTransformation, ParameterType, QueueSuggestionRequest,
};
use nextpoint::{Assignments, CancellationToken, Client, Suggestion, Worker};

const BUDGET: i32 = 25;
const REPEATS: usize = 5;
const LINES: u64 = 1_000_000;

/// What one would write without measuring: `BufReader`'s own default and round numbers.
const DEFAULT: Buffers = Buffers {
    read: 8 * 1024,
    batch: 64,
    arena: 1024,
};

#[derive(Clone, Copy)]
struct Buffers {
    /// Bytes that are read at a time.
    read: i64,
    /// Lines that are handed over at a time.
    batch: i64,
    /// Bytes that the names of a batch have before they grow.
    arena: i64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = std::env::args().nth(1).ok_or("usage: parser HOST:PORT")?;
    let client = Client::new(&address)?;
    let input = Input::write()?;

    let experiment_id = create(&client).await?;
    let queued = QueueSuggestionRequest {
        experiment_id: experiment_id.clone(),
        assignments: DEFAULT.into_assignments().into(),
        ..Default::default()
    };
    client.call(queued).await?;

    let stop = CancellationToken::new();
    let worker = Worker::new(&client, &experiment_id).stop_on(stop.clone());
    let evaluate = async |suggestion: Suggestion| {
        let buffers = Buffers::from_assignments(&suggestion.assignments)?;
        let path = input.path.clone();
        let (mean, error) =
            tokio::task::spawn_blocking(move || throughput(&path, buffers)).await??;
        println!("{buffers} {mean:6.0} MB/s ± {error:.0}");
        Ok::<_, Box<dyn Error + Send + Sync>>([("throughput", mean, error)])
    };
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    worker.run(evaluate).await?;

    let best = best(&client, experiment_id).await?;
    for (name, buffers) in [("best", best), ("default", DEFAULT)] {
        let (mean, error) = throughput(&input.path, buffers)?;
        println!("{name:<8} {buffers} {mean:6.0} MB/s ± {error:.0}, measured once more");
    }
    Ok(())
}

async fn create(client: &Client) -> Result<String, nextpoint::Error> {
    let parameter = |name: &str, min: u32, max: u32| Parameter {
        name: name.to_owned(),
        r#type: ParameterType::Int.into(),
        bounds: Some(Bounds {
            min: Some(min.into()),
            max: Some(max.into()),
            ..Default::default()
        }),
        transformation: ParameterTransformation::Log.into(),
        ..Default::default()
    };
    let request = CreateExperimentRequest {
        name: "Parser buffers".to_owned(),
        parameters: vec![
            parameter("read", 512, 4 << 20),
            parameter("batch", 1, 1 << 16),
            parameter("arena", 16, 1 << 20),
        ],
        metrics: vec![Metric {
            name: "throughput".to_owned(),
            ..Default::default()
        }],
        budget: Some(BUDGET),
        ..Default::default()
    };
    let experiment = client.call(request).await?.experiment;
    Ok(experiment.unwrap_or_default().experiment_id)
}

async fn best(client: &Client, experiment_id: String) -> Result<Buffers, nextpoint::Error> {
    let request = ListBestAssignmentsRequest {
        experiment_id,
        ..Default::default()
    };
    let best = client.call(request).await?.best_assignments;
    let observation = best.into_iter().find_map(|each| each.observation);
    let assignments = observation.unwrap_or_default().assignments;
    Buffers::from_assignments(&assignments.into())
}

impl Buffers {
    fn from_assignments(assignments: &Assignments) -> Result<Self, nextpoint::Error> {
        Ok(Self {
            read: assignments.int("read")?,
            batch: assignments.int("batch")?,
            arena: assignments.int("arena")?,
        })
    }

    fn into_assignments(self) -> Assignments {
        let values = [
            ("read", self.read),
            ("batch", self.batch),
            ("arena", self.arena),
        ];
        values.into_iter().collect()
    }
}

impl std::fmt::Display for Buffers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { read, batch, arena } = self;
        write!(f, "read {read:>7} batch {batch:>5} arena {arena:>7}")
    }
}

/// Returns the mean throughput in MB/s and its standard error.
fn throughput(path: &Path, buffers: Buffers) -> io::Result<(f64, f64)> {
    let megabytes = path.metadata()?.len() as f64 / 1e6;
    let mut rates = [0.0; REPEATS];
    for rate in &mut rates {
        let start = Instant::now();
        let total = parse(path, buffers)?;
        assert_eq!(total, LINES * (LINES - 1) / 2, "the parser is wrong");
        *rate = megabytes / start.elapsed().as_secs_f64();
    }
    let count = REPEATS as f64;
    let mean = rates.iter().sum::<f64>() / count;
    let squares: f64 = rates.iter().map(|rate| (rate - mean).powi(2)).sum();
    Ok((mean, (squares / (count - 1.0) / count).sqrt()))
}

/// The names of some lines, one after the other, and for each its end there and its number.
struct Batch {
    arena: String,
    lines: Vec<(usize, u64)>,
}

impl Batch {
    fn new(buffers: Buffers) -> Self {
        Self {
            arena: String::with_capacity(buffers.arena as usize),
            lines: Vec::with_capacity(buffers.batch as usize),
        }
    }
}

fn parse(path: &Path, buffers: Buffers) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(buffers.read as usize, File::open(path)?);
    let (sender, receiver) = sync_channel::<Batch>(4);
    let adding = thread::spawn(move || {
        let mut totals: HashMap<String, u64> = HashMap::new();
        for batch in receiver {
            let mut start = 0;
            for (end, number) in batch.lines {
                let name = &batch.arena[start..end];
                match totals.get_mut(name) {
                    Some(total) => *total += number,
                    None => _ = totals.insert(name.to_owned(), number),
                }
                start = end;
            }
        }
        totals.values().sum()
    });

    let mut line = String::new();
    let mut batch = Batch::new(buffers);
    while reader.read_line(&mut line)? > 0 {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let (name, number) = line.trim_end().split_once('=').ok_or_else(invalid)?;
        batch.arena.push_str(name);
        let number = number.parse().map_err(|_| invalid())?;
        batch.lines.push((batch.arena.len(), number));
        line.clear();
        if batch.lines.len() == buffers.batch as usize {
            let full = std::mem::replace(&mut batch, Batch::new(buffers));
            sender.send(full).map_err(io::Error::other)?;
        }
    }
    sender.send(batch).map_err(io::Error::other)?;
    drop(sender);
    adding
        .join()
        .map_err(|_| io::Error::other("the adding thread panicked"))
}

/// A file of lines that is removed in the end.
struct Input {
    path: PathBuf,
}

impl Input {
    fn write() -> io::Result<Self> {
        let name = format!("nextpoint-parser-{}.txt", std::process::id());
        let input = Self {
            path: std::env::temp_dir().join(name),
        };
        let mut file = io::BufWriter::new(File::create(&input.path)?);
        for number in 0..LINES {
            writeln!(file, "sensor-{}={number}", number % 997)?;
        }
        file.flush()?;
        Ok(input)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // Whoever cleans the directory of temporary files does it otherwise.
        let _ = std::fs::remove_file(&self.path);
    }
}
