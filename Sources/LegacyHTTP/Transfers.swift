import Events
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// An answer was broken off because it had more bytes than anybody wants to hold.
struct TooLong: Error {}

/// Takes answers as they come, and breaks off one that grows too long or takes too long: nobody has to hold what somebody else sends, or
/// to wait for somebody who sends a byte now and then. `URLSession` bounds silences alone (its timeout of a whole resource is not kept on
/// Linux, as of Swift 6.3).
final class Transfers: NSObject, URLSessionDataDelegate {
    private struct Transfer {
        var chunks: [Data] = []
        var size = 0
        var deadline: Task<Void, Never>?
        let continuation: CheckedContinuation<(Data, URLResponse?), any Error>
    }

    private let limit: Int
    private let transfers = Mutex<[Int: Transfer]>([:])

    /// Answers of at most `limit` bytes.
    init(limit: Int) { self.limit = limit }

    /// The body of an answer, and what came before it. Throws ``TooLong``, and what the transfer has failed with.
    func data(for request: URLRequest, in session: URLSession, within timeout: Duration) async throws -> (Data, URLResponse?) {
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let deadline = Task {
                    guard (try? await Task.sleep(for: timeout)) != nil else { return }
                    self.end(task, .failure(URLError(.timedOut)))
                }
                transfers.withLock { $0[task.taskIdentifier] = Transfer(deadline: deadline, continuation: continuation) }
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
    }

    /// See `URLSessionDataDelegate`.
    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLong = transfers.withLock { transfers in
            guard var transfer = transfers.removeValue(forKey: dataTask.taskIdentifier) else { return false }
            transfer.chunks.append(data)
            transfer.size += data.count
            defer { transfers[dataTask.taskIdentifier] = transfer }
            return transfer.size > limit
        }
        if isTooLong { end(dataTask, .failure(TooLong())) }
    }

    /// See `URLSessionTaskDelegate`.
    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        end(task, error.map { .failure($0) } ?? .success(()))
    }

    /// Ends a transfer, unless it has ended.
    private func end(_ task: URLSessionTask, _ result: Result<Void, any Error>) {
        guard let transfer = transfers.withLock({ $0.removeValue(forKey: task.taskIdentifier) }) else { return }
        transfer.deadline?.cancel()
        task.cancel()
        transfer.continuation.resume(with: result.map { (transfer.chunks.reduce(into: Data()) { $0.append($1) }, task.response) })
    }
}
