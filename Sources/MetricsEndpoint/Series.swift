import CoreMetrics
import Synchronization

/// What the format says after `# TYPE`.
enum SeriesKind: String {
    case counter, gauge, histogram
}

/// One name with one set of labels.
protocol Series: AnyObject, Sendable {
    func samples(_ name: String, _ labels: [Label]) -> [PrometheusText.Sample]
}

/// A counter or a gauge.
final class ScalarSeries: Series, CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
    private let value = Mutex(0.0)

    func increment(by amount: Int64) { value.withLock { $0 += Double(amount) } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func set(_ new: Int64) { value.withLock { $0 = Double(new) } }
    func set(_ new: Double) { value.withLock { $0 = new } }
    func record(_ new: Int64) { set(new) }
    func record(_ new: Double) { set(new) }
    func reset() { set(0.0) }

    func samples(_ name: String, _ labels: [Label]) -> [PrometheusText.Sample] {
        [PrometheusText.Sample(name: name, labels: labels, value: value.withLock { $0 })]
    }
}

/// A histogram.
final class HistogramSeries: Series, TimerHandler, RecorderHandler {
    private struct Contents {
        /// How many fell into each bucket; the last one has no upper bound.
        var counts: [Int]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let contents: Mutex<Contents>

    init(_ bounds: [Double]) {
        self.bounds = bounds
        contents = Mutex(Contents(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        contents.withLock { contents in
            contents.counts[index] += 1
            contents.sum += value
        }
    }

    func samples(_ name: String, _ labels: [Label]) -> [PrometheusText.Sample] {
        let (counts, sum) = contents.withLock { ($0.counts, $0.sum) }
        var total = 0
        var samples: [PrometheusText.Sample] = []
        for (bound, count) in zip(bounds + [.infinity], counts) {
            total += count
            let le = Label(name: "le", value: PrometheusText.number(bound))
            samples.append(PrometheusText.Sample(name: name + "_bucket", labels: labels + [le], value: Double(total)))
        }
        samples.append(PrometheusText.Sample(name: name + "_sum", labels: labels, value: sum))
        samples.append(PrometheusText.Sample(name: name + "_count", labels: labels, value: Double(total)))
        return samples
    }
}
