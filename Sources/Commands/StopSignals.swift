import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Asks for an orderly end when the process is told to stop.
final class StopSignals: Sendable {
    private let received = Mutex<String?>(nil)

    /// The signal that came first.
    var name: String? { received.withLock { $0 } }

    /// Calls `stop` at the first signal, `leave` at any other.
    func during<Value>(stop: @escaping @Sendable () -> Void, leave: @escaping @Sendable () -> Void, _ body: () async throws -> Value)
        async rethrows -> Value
    {
        let sources = [("SIGINT", SIGINT), ("SIGTERM", SIGTERM)].map { name, number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { self.note(name) ? stop() : leave() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await body()
    }

    /// True for the first signal.
    private func note(_ name: String) -> Bool {
        received.withLock { first in
            defer { if first == nil { first = name } }
            return first == nil
        }
    }
}
