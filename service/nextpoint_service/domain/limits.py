"""How large things may be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of what a caller may define or send; docs/operating.md lists them.

    A request beyond a limit is refused with an error that names it.
    """

    name_characters: int = 100
    """Names of experiments, parameters, metrics, runs, workers and tags."""
    project_characters: int = 32
    """Names of projects."""
    parameters: int = 100
    """Parameters of one experiment."""
    parameter_width: float = 1e-8
    """The smallest difference between the bounds of a parameter."""
    prior_shape: float = 1e6
    """The largest shape of a beta prior; larger ones leave little but a single value."""
    metrics: int = 50
    """Metrics of one experiment."""
    linear_constraints: int = 100
    """Linear constraints of one experiment."""
    constraint_terms: int = 100
    """Terms of one linear constraint."""
    categorical_values: int = 1000
    """Values of one categorical parameter; also of one conditional."""
    conditionals: int = 20
    """Conditionals of one experiment."""
    conditional_combinations: int = 10_000
    """Combinations of their values, where every parameter has conditions."""
    grid_values: int = 10_000
    """Values in the grid of one parameter."""
    grid_cells: int = 100_000
    """Cells of an experiment of type grid."""
    budget: int = 100_000
    """The largest budget."""
    num_solutions: int = 100
    """The largest number of solutions."""
    tasks: int = 20
    """Tasks of one experiment."""
    task_cost: float = 1e-6
    """The smallest cost of a task."""
    parallel_bandwidth: int = 1000
    """The largest number of expected workers."""
    metadata_entries: int = 100
    """Entries of one map of metadata; also tags of one experiment."""
    metadata_characters: int = 500
    """Characters of one text in metadata."""
    batch_observations: int = 2500
    """Observations in one batch."""
    observations: int = 100_000
    """Observations of one experiment."""
    queued_suggestions: int = 10_000
    """Queued suggestions of one experiment."""
    run_metrics: int = 100
    """Metrics that one run logs."""
    renewals: int = 1000
    """Leases renewed by one call."""
    max_outstanding: int = 1000
    """Suggestions that one worker holds at the same time."""
    page_size: int = 1000
    """Things on one page; a larger page size is read as this."""
    default_page_size: int = 50
    """Things on one page when the caller does not say."""
    hypervolume_metrics: int = 8
    """Optimized metrics of which there is a hypervolume."""
    hypervolume_seconds: float = 5.0
    """How long one hypervolume may take, in seconds."""
    lease_seconds_max: float = 30 * 86400.0
    """The longest lease, in seconds."""
    lease_seconds_min: float = 1.0
    """The shortest lease, in seconds."""
    max_wait_seconds: float = 3600.0
    """The longest wait for a fresh suggestion, in seconds."""
