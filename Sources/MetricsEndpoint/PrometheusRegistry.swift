public import CoreMetrics
import Synchronization

/// Keeps metrics and writes them as Prometheus reads them: the text exposition format, version 0.0.4.
///
/// Counters are counters; meters and recorders that do not aggregate are gauges; timers and recorders that do are histograms, timers in
/// seconds. A name keeps the kind under which it was first used: what comes under the same name with another kind is dropped, because the
/// format allows one kind to a name.
public final class PrometheusRegistry: MetricsFactory {
    private struct Family {
        let kind: SeriesKind
        var series: [[Label]: any Series] = [:]
    }

    private let families = Mutex<[String: Family]>([:])
    private let help: [String: String]
    private let buckets: @Sendable (_ name: String, _ isTimer: Bool) -> [Double]

    /// A registry. `help` are sentences by name; `buckets` the upper bounds of a histogram, ascending, in seconds for a timer.
    public init(
        help: [String: String] = [:],
        buckets: @escaping @Sendable (_ name: String, _ isTimer: Bool) -> [Double] = { $1 ? Buckets.seconds : Buckets.counts }
    ) {
        self.help = help
        self.buckets = buckets
    }

    /// Everything as text.
    public var text: String {
        let families = families.withLock { families in
            families.map { name, family in
                PrometheusText.Family(
                    name: name, kind: family.kind.rawValue, help: help[name] ?? "",
                    samples: family.series.sorted { $0.key < $1.key }.flatMap { $1.samples(name, $0) })
            }
        }
        return PrometheusText.text(families.sorted { $0.name < $1.name })
    }

    /// Required by `MetricsFactory`, which says what it does.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter) { ScalarSeries() } ?? NOOPMetricsHandler.instance
    }

    /// Required by `MetricsFactory`, which says what it does.
    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter) { ScalarSeries() } ?? NOOPMetricsHandler.instance
    }

    /// Required by `MetricsFactory`, which says what it does.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge) { ScalarSeries() } ?? NOOPMetricsHandler.instance
    }

    /// Required by `MetricsFactory`, which says what it does.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return series(label, dimensions, .gauge) { ScalarSeries() } ?? NOOPMetricsHandler.instance }
        return series(label, dimensions, .histogram) { HistogramSeries(buckets(label, false)) } ?? NOOPMetricsHandler.instance
    }

    /// Required by `MetricsFactory`, which says what it does.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram) { HistogramSeries(buckets(label, true)) } ?? NOOPMetricsHandler.instance
    }

    /// Required by `MetricsFactory`, which says what it does.
    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    /// Required by `MetricsFactory`, which says what it does.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    /// Required by `MetricsFactory`, which says what it does.
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    /// Required by `MetricsFactory`, which says what it does.
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    /// Required by `MetricsFactory`, which says what it does.
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    /// The series of a name and labels, made if it is new; nil when the name is of another kind.
    private func series<Made: Series>(_ name: String, _ dimensions: [(String, String)], _ kind: SeriesKind, _ make: () -> Made) -> Made? {
        let name = PrometheusText.metricName(name)
        let labels = dimensions.map { Label(name: PrometheusText.labelName($0.0), value: $0.1) }.sorted()
        return families.withLock { families in
            guard families[name].map({ $0.kind == kind }) ?? true else { return nil }
            if let known = families[name]?.series[labels] { return known as? Made }
            let made = make()
            families[name, default: Family(kind: kind)].series[labels] = made
            return made
        }
    }

    private func remove(_ handler: AnyObject) {
        families.withLock { families in
            for (name, family) in families {
                families[name]?.series = family.series.filter { $0.value !== handler }
                if families[name]?.series.isEmpty == true { families[name] = nil }
            }
        }
    }
}

/// Upper bounds of histograms.
public enum Buckets {
    /// From a tenth of a millisecond to a month.
    public static let seconds: [Double] = [
        0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_592_000,
    ]
    /// From one to a thousand.
    public static let counts: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
}
