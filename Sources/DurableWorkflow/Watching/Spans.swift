import Events
import Tracing

/// A moment of the engine's time, as tracers take it.
struct SpanInstant: TracerInstant {
    let nanosecondsSinceEpoch: UInt64

    init(_ moment: Timestamp, after duration: Duration = .zero) {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = moment.milliseconds * 1_000_000 + seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        nanosecondsSinceEpoch = UInt64(max(0, nanoseconds))
    }

    static func < (left: SpanInstant, right: SpanInstant) -> Bool { left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch }
}

/// The kind of an error, for a span; its text stays where it was.
struct SpanError: Error, CustomStringConvertible {
    let description: String
}

extension Span {
    func fail(_ kind: String, at moment: Timestamp) {
        recordError(SpanError(description: kind), attributes: [:], at: SpanInstant(moment))
        setStatus(SpanStatus(code: .error, message: kind))
    }
}

/// Carries a span's context in the header of an event, as Temporal's SDKs do.
private enum TraceHeader {
    static let name = "_tracer-data"

    struct Carrier: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }
}

/// A caller's request in a span.
struct CallSpan {
    let span: any Span
    /// Hands its context on.
    let header: [String: Payload]

    /// Says which run it has come to.
    func note(runID: String) { span.attributes["temporalRunID"] = runID }
}

extension Watch {
    /// A span of the engine's; nil without a tracer.
    func span(
        _ name: @autoclosure () -> String, _ kind: SpanKind, in context: @autoclosure () -> ServiceContext,
        _ ids: @autoclosure () -> (workflowID: String, runID: String), at moment: Timestamp
    ) -> (any Span)? {
        guard let tracer else { return nil }
        let span = tracer.startSpan(
            name(), context: context(), ofKind: kind, at: SpanInstant(moment), function: #function, file: #fileID, line: #line)
        let (workflowID, runID) = ids()
        span.attributes["temporalWorkflowID"] = workflowID
        if !runID.isEmpty { span.attributes["temporalRunID"] = runID }
        return span
    }

    /// The context that an event's header carries; none without a tracer.
    func context(of event: HistoryEvent?) -> ServiceContext { context(of: event?.fields.map(.header) ?? [:]) }

    /// The context that a header carries.
    func context(of header: [String: Payload]) -> ServiceContext {
        var context = ServiceContext.topLevel
        guard let tracer, let data = try? header[TraceHeader.name]?.json(), let object = data.object else { return context }
        tracer.extract(object.compactMapValues(\.string), into: &context, using: TraceHeader.Carrier())
        return context
    }

    private func header(_ span: any Span) -> [String: Payload] {
        var carrier: [String: String] = [:]
        tracer?.inject(span.context, into: &carrier, using: TraceHeader.Carrier())
        return carrier.isEmpty ? [:] : [TraceHeader.name: Payload(.object(carrier.mapValues { .string($0) }))]
    }

    /// Runs a caller's request in a span of the caller's context; `body` gets nil without a tracer.
    func call<Value>(
        _ name: @autoclosure () -> String, _ workflowID: String, at now: Timestamp, _ body: (CallSpan?) async throws -> Value
    ) async throws -> Value {
        guard let span = span(name(), .client, in: .current ?? .topLevel, (workflowID, ""), at: now) else { return try await body(nil) }
        let began = uptime()
        defer { span.end(at: SpanInstant(now, after: uptime() - began)) }
        do { return try await body(CallSpan(span: span, header: header(span))) } catch {
            span.fail("\(type(of: error))", at: now + (uptime() - began))
            throw error
        }
    }

    /// A command's fields with the header that hands the workflow task's context on, in a span of its own.
    func traced(_ kind: HistoryEvent.Kind, _ fields: EventFields, in task: WatchedTask?) -> EventFields {
        guard let task, let parent = task.span, let name = Self.name(kind, fields) else { return fields }
        guard let span = span(name, .client, in: parent.context, task.run.ids, at: task.at) else { return fields }
        if kind == .activityTaskScheduled { span.attributes["temporalActivityID"] = fields.text(.activityID) }
        span.end(at: SpanInstant(task.at))
        var fields = fields
        fields[.header] = .filled(header(span))
        return fields
    }

    private static func name(_ kind: HistoryEvent.Kind, _ fields: EventFields) -> String? {
        switch kind {
        case .activityTaskScheduled: "StartActivity:\(fields.text(.activityType))"
        case .startChildWorkflowExecutionInitiated: "StartChildWorkflow:\(fields.text(.workflowType))"
        case .signalExternalWorkflowExecutionInitiated: "SignalExternalWorkflow:\(fields.text(.signalName))"
        default: nil
        }
    }

    /// Links a workflow task's span with those of the signals that the code is about to see.
    func link(_ task: WatchedTask?, to signals: @autoclosure () -> [HistoryEvent]) {
        guard let span = task?.span else { return }
        for signal in signals() where signal.fields[.header] != nil {
            span.addLink(SpanLink(context: context(of: signal), attributes: [:]))
        }
    }
}
