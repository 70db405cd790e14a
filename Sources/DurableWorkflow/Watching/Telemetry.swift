public import CoreMetrics
public import Logging
public import Tracing

/// Where an engine's metrics, spans and logs go.
///
/// Metrics and spans go to what the process has bootstrapped when the engine is made, unless something is named here; when there is
/// nothing, they cost nothing. Logs go nowhere unless a logger is named: a library does not write to a terminal unasked.
///
/// None of the three contains an input, a result, a signal's content or the text of an error.
public struct Telemetry: Sendable {
    /// Makes the metrics of ``EngineMetric``; nil for `MetricsSystem`'s factory.
    public var metrics: (any MetricsFactory)?
    /// Records the spans; nil for `InstrumentationSystem`'s tracer.
    public var tracer: (any Tracer)?
    /// Takes the engine's own logs, and those of workflows and activities; nil for silence.
    public var logger: Logger?
    /// The label `namespace` of every metric.
    public var namespace: String

    /// Where it goes.
    public init(
        metrics: (any MetricsFactory)? = nil, tracer: (any Tracer)? = nil, logger: Logger? = nil, namespace: String = "default"
    ) {
        self.metrics = metrics
        self.tracer = tracer
        self.logger = logger
        self.namespace = namespace
    }
}
