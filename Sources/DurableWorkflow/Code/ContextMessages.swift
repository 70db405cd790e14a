import Events

// MARK: Signals

extension WorkflowContext {
    /// Signals that have arrived and that nobody has asked for.
    public var bufferedSignals: [SignalMessage] {
        buffer.map { SignalMessage(id: $0.id, name: $0.name, payload: (try? converter.value($0.payload)) ?? .null) }
    }

    /// The signals that the code waits for now, in the order in which it began to.
    var awaited: [AwaitedSignal] { waits.map { AwaitedSignal(signals: $0.names.all, until: $0.until) } }

    /// Handles every `signal` from now on, and those that came before, in order of arrival.
    public func onSignal<Input>(_ signal: Signal<Input>, _ handle: @escaping (Input) async throws -> Void) {
        let converter = converter
        handlers.signals[signal.name] = { try await handle(try converter.value($0.payload)) }
        let kept = buffer.filter { $0.name == signal.name }
        buffer.removeAll { $0.name == signal.name }
        for signal in kept { receive(signal) }
    }

    func receive(_ signal: ReceivedSignal) {
        if let index = waits.firstIndex(where: { $0.names.contains(signal.name) }) {
            let wait = waits.remove(at: index)
            if let timer = wait.timer { retire(timer: timer) }
            wait.continuation?.resume(returning: .signal(signal))
        } else if let handle = handlers.signals[signal.name] {
            run(handle) { try await $0(signal) }
        } else {
            buffer.append(signal)
        }
    }

    /// Starts a handler as a task of its own: the main code's cancellation does not reach it.
    private func run<Handler>(_ handler: Handler, _ call: @escaping (Handler) async throws -> Void) {
        handlers.running += 1
        let parts = OnWorkflowThread((handler, call))
        Task.detached(executorPreference: executor) {
            do { try await parts.value.1(parts.value.0) } catch { self.handlerFailed(error) }
            self.handlers.running -= 1
        }
    }

    private func handlerFailed(_ error: any Error) {
        switch error {
        case is Eviction, is CancellationError: break
        case let failure as any WorkflowFailure: end(.workflowExecutionFailed, [.failure: .failure(failure.failure)])
        default: note(error)
        }
    }

    /// True when no signal or update handler is under way. Wait for it before returning.
    public var allHandlersFinished: Bool { handlers.running == 0 }
}

// MARK: Queries and updates

extension WorkflowContext {
    /// Answers `query`; the code may read, nothing else.
    public func onQuery<Input, Output>(_ query: Query<Input, Output>, _ answer: @escaping (Input) throws -> Output) {
        let converter = converter
        handlers.queries[query.name] = { try converter.payload(try answer(try converter.value($0))) }
    }

    /// Takes `update`s: `validate` may refuse one by throwing, which leaves no trace in the history; then `handle` does it.
    public func onUpdate<Input, Output>(
        _ update: Update<Input, Output>, validate: @escaping (Input) throws -> Void = { _ in },
        _ handle: @escaping (Input) async throws -> Output
    ) {
        let converter = converter
        handlers.updates[update.name] = MessageHandlers.Update(
            validate: { try validate(try converter.value($0)) },
            run: { try converter.payload(try await handle(try converter.value($0))) })
        deliverUpdates()
    }

    /// Answers a query; throws when there is no handler for it, when it throws, or when it changes something.
    func answer(_ name: String, _ input: Payload?) throws -> Payload {
        guard let answer = handlers.queries[name] else {
            throw UnknownMessage(kind: "query", name: name, known: handlers.queries.keys.sorted())
        }
        return try readOnly { try answer(input) }
    }

    private func readOnly<Value>(_ body: () throws -> Value) throws -> Value {
        isReadOnly = true
        defer { isReadOnly = false }
        let value = try body()
        guard let violation = problem as? ReadOnlyViolation else { return value }
        problem = nil
        throw violation
    }

    /// Gives the waiting updates to their handlers, as far as there are any.
    func deliverUpdates() {
        for update in updates where handlers.updates[update.name] != nil {
            updates.removeAll { $0.id == update.id }
            take(update)
        }
    }

    private func take(_ update: UpdateRequest) {
        guard let handler = handlers.updates[update.name] else { return }
        if update.isToBeValidated {
            do { try readOnly { try handler.validate(update.arguments) } } catch { return reject(update, error) }
        }
        command(
            .workflowExecutionUpdateAccepted,
            [
                .protocolInstanceID: .text(update.id), .acceptedUpdateID: .text(update.id), .acceptedUpdateName: .text(update.name),
                .updateArguments: .payload(update.arguments),
            ])
        run(handler) { [self] handler in
            let outcome: EventFields
            do {
                outcome = [.updateID: .text(update.id), .outcomeSuccess: .payloads([try await handler.run(update.arguments)])]
            } catch let failure as any WorkflowFailure {
                outcome = [.updateID: .text(update.id), .outcomeFailure: .failure(failure.failure)]
            }
            command(.workflowExecutionUpdateCompleted, outcome)
        }
    }

    /// Refuses an update that its validator does not want.
    func validate(_ update: UpdateRequest) {
        guard let handler = handlers.updates[update.name] else { return }
        do { try readOnly { try handler.validate(update.arguments) } } catch { reject(update, error) }
    }

    private func reject(_ update: UpdateRequest, _ error: any Error) {
        let failure =
            (error as? any WorkflowFailure)?.failure
            ?? ApplicationError(type: "UpdateRejected", message: "\(error)", isNonRetryable: true).failure
        rejections.append(UpdateRejection(id: update.id, failure: failure))
    }

    /// Refuses what nobody has taken; at the end of an activation.
    func rejectUnknownUpdates() {
        guard !updates.isEmpty else { return }
        for update in updates { reject(update, UnknownMessage(kind: "update", name: update.name, known: handlers.updates.keys.sorted())) }
        updates.removeAll()
    }
}

/// Nobody handles a query or an update of this name.
public struct UnknownMessage: Error, Hashable, Sendable, CustomStringConvertible {
    /// `query` or `update`.
    public let kind: String
    /// The name.
    public let name: String
    /// The names that are handled.
    public let known: [String]

    /// One sentence.
    public var description: String {
        "\(kind) \(name): expected one of \(known.isEmpty ? "none" : known.joined(separator: ", ")); register a handler before the first wait"
    }
}
