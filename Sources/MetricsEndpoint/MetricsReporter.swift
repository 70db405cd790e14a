import FlyingSocks
import FoundationEssentials

/// Shows a registry's metrics while something else runs.
public struct MetricsReporter: Sendable {
    private let registry: PrometheusRegistry
    private let destination: MetricsDestination
    private let interval: Duration
    private let refresh: @Sendable () async throws -> Void

    /// A reporter. `refresh` brings up to date what is not counted as it happens; it is called before every write and every answer.
    public init(
        _ registry: PrometheusRegistry, to destination: MetricsDestination, every interval: Duration = .seconds(5),
        refresh: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.registry = registry
        self.destination = destination
        self.interval = interval
        self.refresh = refresh
    }

    /// Runs `body`. A file is written at the beginning, every few seconds, and at the end, whole each time; a port answers from before
    /// `body` begins until it has ended. `onReady` gets the address, with the port that was taken.
    ///
    /// Throws what `body` throws; ``MetricsRefusal`` when file or port cannot be used, before `body` begins.
    @discardableResult
    public func run<Value>(onReady: (String) -> Void = { _ in }, _ body: () async throws -> Value) async throws -> Value {
        switch destination {
        case .file(let path): return try await write(path, body)
        case .address(let host, let port): return try await serve(host, port, onReady, body)
        }
    }

    // MARK: File

    private func write<Value>(_ path: String, _ body: () async throws -> Value) async throws -> Value {
        try await write(path)
        let writing = Task { [self] in
            while true {
                try await Task.sleep(for: interval)
                // The next one may succeed; the last one says so if it does not.
                try? await write(path)
            }
        }
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        writing.cancel()
        _ = await writing.result
        do { try await write(path) } catch { if case .success = result { throw error } }
        return try result.get()
    }

    private func write(_ path: String) async throws {
        try await refresh()
        // Foundation writes beside the file and renames.
        do { try Data(registry.text.utf8).write(to: URL(filePath: path), options: .atomic) } catch {
            throw MetricsRefusal(
                description: "\(path): expected a file that can be written for metrics, found that it cannot; name another")
        }
    }

    // MARK: Port

    private func serve<Value>(_ host: String, _ port: UInt16, _ onReady: (String) -> Void, _ body: () async throws -> Value)
        async throws -> Value
    {
        let server = try self.server(host, port)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            try await server.prepare()
            group.addTask { try await server.run() }
            onReady("http://\(host):\(server.port ?? port)/metrics")
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            group.cancelAll()
            while await group.nextResult() != nil {}
            return try result.get()
        }
    }

    private func server(_ host: String, _ port: UInt16) throws -> ScrapeServer {
        do {
            return host.hasPrefix("[")
                ? try ScrapeServer(.inet6(ip6: String(host.dropFirst().dropLast()), port: port), answer: answer)
                : try ScrapeServer(.inet(ip4: Self.number(of: host), port: port), answer: answer)
        } catch SocketError.failed(let type, _, let message) where type != "inet_pton" {
            throw MetricsRefusal(
                description: "\(host):\(port): expected a port that is free for metrics, found: \(message); stop who has it,"
                    + " or name another")
        } catch {
            throw MetricsRefusal(
                description: "\(host):\(port): expected an address in numbers, or localhost, for metrics, found a name;"
                    + " use 127.0.0.1:\(port)")
        }
    }

    private static func number(of host: String) -> String {
        switch host {
        case "localhost": "127.0.0.1"
        case "", "*": "0.0.0.0"
        default: host
        }
    }

    private var answer: @Sendable (ScrapeRequest) async -> ScrapeResponse {
        { request in
            guard request.path == "/metrics" else { return ScrapeResponse(status: "404 Not Found") }
            guard request.method == "GET" else { return ScrapeResponse(status: "405 Method Not Allowed") }
            // Figures of a moment ago are better than none.
            try? await refresh()
            return ScrapeResponse(status: "200 OK", type: PrometheusText.contentType, body: registry.text)
        }
    }
}
