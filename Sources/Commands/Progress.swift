import Events

/// Says how far a long work is, and, once that can be told, how long it still takes.
package struct Progress: Sendable {
    private let began = ContinuousClock.now
    /// Nobody wants to read of what is over before he has read it.
    private static let patience = Duration.seconds(2)

    /// Shows `text` with the time left, when `done` of `total` parts of about the same size are done.
    func show(_ text: String, _ done: Int, of total: Int) {
        let left = Self.left(after: ContinuousClock.now - began, done, of: total)
        Console.progress(left.map { "\(text), about \($0) left" } ?? text)
    }

    /// The time that the rest takes, in words; nil as long as it cannot be told.
    package static func left(after elapsed: Duration, _ done: Int, of total: Int) -> String? {
        guard elapsed >= patience, done > 0, done < total else { return nil }
        let seconds = Double(elapsed.milliseconds) / 1000 * Double(total - done) / Double(done)
        switch seconds {
        case ..<10: return "\(max(1, Int(seconds.rounded()))) s"
        case ..<90: return "\(Int((seconds / 10).rounded()) * 10) s"
        case ..<5400: return "\(Int((seconds / 60).rounded())) min"
        default: return "\(Int((seconds / 3600).rounded())) h"
        }
    }
}

/// How far the paths of a comparison are, which are played one after the other.
struct PathProgress {
    private var meters: [RunMode: Progress] = [:]

    mutating func show(_ path: RunMode, _ done: Int, of total: Int, at moment: Timestamp) {
        let meter = meters[path] ?? Progress()
        meters[path] = meter
        meter.show("\(path.rawValue): \(done) of \(total.counted("delivery", "deliveries")), \(moment)", done, of: total)
    }
}
