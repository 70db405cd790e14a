import Events

/// A durable segment as the page's template shows it.
struct HTMLSegment {
    struct Entry {
        let event: String
        let at: String
        let kind: String
        let detail: String
        let identity: String
    }

    let workflow: String
    let run: String
    let status: String
    let count: String
    let entries: [Entry]

    init(_ audit: SegmentAudit) {
        workflow = audit.workflow
        run = audit.run
        status = audit.status
        count = Text.count(audit.entries.count, "event", "events")
        entries = audit.entries.map { entry in
            Entry(
                event: String(entry.event), at: Text.moment(entry.at.description), kind: entry.kind, detail: entry.detail,
                identity: entry.identity)
        }
    }
}
