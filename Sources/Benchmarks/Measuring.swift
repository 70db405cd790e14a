import DurableWorkflow
import Events
import FoundationEssentials
import SQLiteStorage
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// What every benchmark needs: a fresh database, a clock, memory in use, a line of output.
enum Measuring {
    static func freshPath(_ label: String) -> String { "/tmp/lockstep-bench-\(label)-\(getpid()).sqlite" }

    static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", "-lock", ".effects.jsonl"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    static func seconds(_ body: () async throws -> Void) async rethrows -> Double {
        let began = ContinuousClock.now
        try await body()
        return seconds(ContinuousClock.now - began)
    }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    /// Processor time that this thread has used.
    static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Bytes of memory that the process has in use now.
    static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        return (Int(text.split(separator: " ").dropFirst().first ?? "0") ?? 0) * 4096
    }

    /// Waits until the kernel has written what it holds.
    static func settleDisk() { sync() }

    /// Does something for many numbers in 64 lanes, so that they share commits.
    static func inLanes(_ numbers: Range<Int>, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<64 {
                group.addTask {
                    for number in stride(from: numbers.lowerBound + lane, to: numbers.upperBound, by: 64) { try await body(number) }
                }
            }
            try await group.waitForAll()
        }
    }

    static func quantile(_ values: [Double], _ share: Double) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    static func rounded(_ value: Double, _ digits: Int = 3) -> JSONValue {
        let factor = (0..<digits).reduce(1.0) { product, _ in product * 10 }
        return .number((value * factor).rounded() / factor)
    }

    /// Prints a line, also into a pipe, at once: a benchmark takes minutes.
    static func report(_ line: JSONValue) {
        print(line.canonicalText)
        fflush(nil)
    }
}

/// A value that tasks share.
final class Guarded<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { body(&$0) }
    }
}
