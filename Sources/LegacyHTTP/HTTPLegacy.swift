public import Events
import Foundation
public import LegacyStateMachine

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A legacy machine behind an HTTP interface, in any language. The page "A legacy machine in another process" has its protocol.
///
/// Six calls: `GET machine`, `POST handle`, `GET view`, `POST release`, `POST take`, `GET changes`. All are JSON, all may be repeated.
public struct HTTPLegacy: LegacyService {
    private let base: String
    private let authorization: String?
    private let timeout: Duration
    private let session: URLSession
    private let transfers: Transfers

    /// The service at `url`, for example `http://127.0.0.1:8080/lockstep/v1`.
    ///
    /// `authorization` is sent as the header of that name, for example `Bearer …`. A call without a whole answer within `timeout` is made
    /// again later. `connections` is how many calls are under way at most. An answer of more than 16 MiB is broken off.
    public init(_ url: String, authorization: String? = nil, timeout: Duration = .seconds(30), connections: Int = 64) throws {
        guard let parsed = URL(string: url), let scheme = parsed.scheme, ["http", "https"].contains(scheme), parsed.host != nil else {
            throw LegacyFault("expected the URL of a legacy service, for example http://127.0.0.1:8080/lockstep/v1, found '\(url)'")
        }
        base = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.authorization = authorization
        self.timeout = timeout
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = connections
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        transfers = Transfers(limit: Self.largest)
        session = URLSession(configuration: configuration, delegate: transfers, delegateQueue: nil)
    }

    /// See `LegacyService`.
    public func machine() async throws -> LegacyMachine {
        let machine: LegacyMachine = try decode(try await get("machine", [:]), "machine")
        if let problem = machine.problem { throw LegacyFault("\(base)/machine: \(problem)") }
        return machine
    }

    /// See `LegacyService`.
    public func handle(_ call: LegacyCall) async throws -> LegacyAnswer { try await post("handle", call) }

    /// See `LegacyService`.
    public func view(_ entity: EntityID, after version: Int) async throws -> LegacyView? {
        let reply = try await get("view", ["entity": entity.rawValue, "after": String(version)])
        return reply.status == 404 ? nil : try decode(reply, "view")
    }

    /// See `LegacyService`.
    public func release(_ call: LegacyRelease) async throws -> LegacyView { try await post("release", call) }

    /// See `LegacyService`.
    public func take(_ call: LegacyTake) async throws -> LegacyView { try await post("take", call) }

    /// Makes the service's cron job work as if so many seconds had passed. Only checks and tests need the call; a service in production has
    /// none.
    public func tick(seconds: Double) async throws { let _: JSONValue = try await post("tick", ["seconds": JSONValue.number(seconds)]) }

    /// See `LegacyService`.
    public func changes(after cursor: String?, limit: Int) async throws -> LegacyChanges {
        var query = ["limit": String(limit)]
        query["after"] = cursor
        return try decode(try await get("changes", query), "changes")
    }
}

extension HTTPLegacy {
    /// An answer: its status, and its body as JSON.
    private struct Reply {
        let status: Int
        let body: JSONValue
    }

    static let largest = 16 << 20

    private func get(_ name: String, _ query: [String: String]) async throws -> Reply {
        var components = URLComponents(string: "\(base)/\(name)")
        if !query.isEmpty {
            components?.queryItems = query.sorted { $0.key < $1.key }.map { URLQueryItem(name: $0.key, value: $0.value) }
        }
        // A plus sign means a blank to many servers.
        let encoded = components?.percentEncodedQuery?.replacing("+", with: "%2B")
        components?.percentEncodedQuery = encoded
        guard let url = components?.url else { throw LegacyFault("\(base)/\(name): expected a URL, found none") }
        return try await send(URLRequest(url: url), name)
    }

    private func post<Answer: Decodable>(_ name: String, _ call: some Encodable) async throws -> Answer {
        guard let url = URL(string: "\(base)/\(name)") else { throw LegacyFault("\(base)/\(name): expected a URL, found none") }
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = Data(try JSONValue(encoding: call).canonicalText.utf8)
        return try decode(try await send(request, name), name)
    }

    private func send(_ request: URLRequest, _ name: String) async throws -> Reply {
        var request = request
        request.setValue("application/json", forHTTPHeaderField: "Accept")
        if let authorization { request.setValue(authorization, forHTTPHeaderField: "Authorization") }
        let (data, response): (Data, URLResponse?)
        // That of the session is one of silences, and in whole seconds: see `Transfers`.
        request.timeoutInterval = (Double(timeout.milliseconds) / 1000).rounded(.up) + 1
        do { (data, response) = try await transfers.data(for: request, in: session, within: timeout) } catch {
            if error is TooLong { throw form(name, "more") }
            if Task.isCancelled { throw CancellationError() }
            let code = (error as? URLError).map { "code \($0.errorCode)" } ?? "\(type(of: error))"
            throw LegacyUnreachable("the legacy service at \(base): expected an answer to \(name) within \(timeout), found none (\(code))")
        }
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        if status >= 500 || status == 429 || status == 408 {
            throw LegacyUnreachable("the legacy service at \(base): expected an answer to \(name), found status \(status)")
        }
        guard let body = try? JSONValue(parsing: String(decoding: data, as: UTF8.self)) else {
            throw form(name, "status \(status) with \(data.count.counted("byte")) of another form")
        }
        return Reply(status: status, body: body)
    }

    private func form(_ name: String, _ found: String) -> LegacyFault {
        LegacyFault(
            "the legacy service at \(base): expected JSON of at most \(Self.largest >> 20) MiB in the answer to \(name), found \(found)")
    }

    private func decode<Answer: Decodable>(_ reply: Reply, _ name: String) throws -> Answer {
        if reply.status == 409 { throw try refusal(reply.body, name) }
        guard reply.status == 200 else {
            // What the service says may hold what customers wrote: its status alone is shown.
            throw LegacyFault(
                "the legacy service at \(base): expected status 200 or 409 to \(name), found \(reply.status);"
                    + " 'lockstep legacy check' tells what is missing")
        }
        do { return try reply.body.decoded() } catch {
            let problem = (error as? DecodingError)?.place ?? "another form"
            throw LegacyFault("the legacy service at \(base): expected the answer to \(name) in its form, found \(problem)")
        }
    }

    private func refusal(_ body: JSONValue, _ name: String) throws -> any Error {
        switch body["problem"]?.string {
        case "moved":
            guard let view: LegacyView = try? body["view"]?.decoded() else {
                throw LegacyFault("the legacy service at \(base): expected a view beside the problem \"moved\" of \(name), found none")
            }
            return LegacyRefusal.moved(view)
        case "stale": return LegacyRefusal.stale(epoch: body["epoch"]?.integer ?? 0)
        case "busy": return LegacyRefusal.busy(body["detail"]?.string ?? "it is at work")
        default:
            throw LegacyFault(
                "the legacy service at \(base): expected the problem moved, stale or busy with status 409 of \(name), found another")
        }
    }
}
