/*
 * The hand-off protocol: one entity, three steps, the middle one durable, two events a step, one recall.
 * `check.sh` explores it exhaustively; HandOffModel.md in the documentation of Bridge says which move is which Swift function.
 *
 * Events come in any order, late, repeated, or never, and a queued row may overtake every other: more orders than the code has.
 * What is in memory only (queue, claim, message under way, result of an activity that is not in the history yet) is lost in a crash.
 * A `d_step` is one transaction, or one message to the engine.
 *
 * Shapes, chosen with -D:
 *   (none)         the durable step replaces legacy's: its waits have legacy states, a recall goes on from there
 *   ADDED          legacy has no such step: an interrupted one begins anew under a new epoch, a recalled one is left out
 *   INTERRUPTIBLE  an event that belongs to no step (cancel, override, suspension) may come at any moment, once
 *   SEGMENTS=n     so many segments; more than one for an added step that is interrupted
 *   LOSSES=n       so many events that have happened may be missing at the same time; each may still come, or never
 *   LIVENESS       every run finishes (I6), with at most one crash of each process; else any number of crashes, and I1 to I4
 *   PROPERTY=n     look at one invariant only
 *
 * Several moves of the entity are under way at a time, as in a live service: its lane, its segment, the sweep, and an operator.
 * Each reads first and commits some time later; the epoch fences the owner, the record's version whoever writes the record back.
 *
 * Mutants, each a rule left out: NO_EPOCH_CHECK, ROUTE_AT_ACCEPT, NO_REQUEUE_AT_HAND_BACK, NO_REQUEUE_AT_RECALL,
 * NO_REQUEUE_AFTER_COMPLETE, NO_VERSION_AT_RECALL, NO_VERSION_AT_SWEEP.
 */

#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef PROPERTY
#define PROPERTY 0
#endif
#define HOLDS(invariant, condition) assert((PROPERTY != 0 && PROPERTY != invariant) || (condition))

/* Says once that a move was made, so that the checks see that the model does what it is about. No part of the state. */
#define TAKEN(move) c_code { static int isTaken; if (!isTaken) { isTaken = 1; printf("taken: %s\n", move); } }

/* Inbox rows. Step n waits for the events 2n-2 and 2n-1, in this order. */
#define EVENTS 6
#define INTERRUPT 6
#define TIMER 7
#define CONTINUE 8
#define ROWS 9
#define NOTHING 15
#define isOfDurableStep(r) ((r) == 2 || (r) == 3)

mtype:owner = { legacy, durable }
mtype:disposition = { unknown, pending, consumed, signalled, parked, late }
mtype:route = { toLegacy, toSegment, toParked, toLate }

/* Ownership: the epoch, the owner, a recall's pin, and whether the durable step was completed. */
mtype:owner owner = legacy
byte epoch = 1
bit isPinned
bit isCompleted

/* The record: a legacy state, in the order of the process; in ADDED also that the first event of the durable step was used. */
#define FIRST_A 0
#define FIRST_B 1
#define FIRST_DONE 2
#define SECOND_A 3
#define SECOND_B 4
#define SECOND_DONE 5
#define THIRD_A 6
#define THIRD_B 7
#define FINAL 8
byte state = FIRST_A
bit hasFirst
byte stepsDone

mtype:disposition row[ROWS] = unknown

/* The outbox: bits of what a segment has yet to be told. A message names the epoch of its segment. */
#ifndef SEGMENTS
#define SEGMENTS 1
#endif
#define LAST (SEGMENTS - 1)
#define START 1
#define FIRST_SIGNAL 2
#define SECOND_SIGNAL 4
#define INTERRUPT_SIGNAL 8
#define CANCEL 16
#define signalOf(r) ((r) == 2 -> FIRST_SIGNAL : ((r) == 3 -> SECOND_SIGNAL : INTERRUPT_SIGNAL))
#define segmentOf(e) (((e) - 2) / 2)
#define epochOf(s) (2 + 2 * (s))
byte outbox[SEGMENTS]

/* In memory: the queue of pending rows, the claimed row with the epoch and the route that were read, the message under way. */
short queue
byte claimed = NOTHING
byte epochRead
mtype:route routeRead = toLegacy
byte sending
byte sendingTo
#define bitOf(r) (1 << (r))
#define isQueued(r) ((queue & bitOf(r)) != 0)
/* The claimed row is committed, and the queue has yet to forget it; it has come again meanwhile. */
bit isCommitted
bit isAgain

inline releaseClaim() { claimed = NOTHING; routeRead = toLegacy; epochRead = 0; isCommitted = 0; isAgain = 0 }

/*
 * Reads of the record that are under way, with the epoch they found. Whoever writes the record makes them stale. A stale commit is
 * refused and changes nothing, so that the model lets go of it at once.
 */
byte recalledEpoch
byte sweptEpoch
#ifdef NO_VERSION_AT_RECALL
byte recalledState
#endif
#ifdef NO_VERSION_AT_SWEEP
byte sweptState
#endif
inline writeRecord() {
    if
    :: claimed != NOTHING && !isCommitted && routeRead == toLegacy -> TAKEN("stale record decided anew"); releaseClaim()
    :: else -> skip
    fi;
#ifndef NO_VERSION_AT_RECALL
    if
    :: recalledEpoch != 0 -> TAKEN("stale recall refused"); recalledEpoch = 0
    :: else -> skip
    fi;
#endif
#ifndef NO_VERSION_AT_SWEEP
    if
    :: sweptEpoch != 0 -> TAKEN("stale sweep refused"); sweptEpoch = 0
    :: else -> skip
    fi
#endif
}

/* A segment: what its history says; `heard` and `used` are bits of signals. `performed` and `refused` are in memory only. */
mtype:status = { absent, running, closed }
mtype:place = { entersFirst, waitsFirst, entersSecond, waitsSecond, ends }
mtype:activity = { none, scheduled, performed, refused }
typedef Segment {
    mtype:status status = absent;
    mtype:place place = entersFirst;
    mtype:activity activity = none;
    byte heard;
    byte used;
    bit isInterrupted
}
Segment segment[SEGMENTS]
#define isPerformed(s) (segment[s].activity == performed || segment[s].activity == refused)
#define isWaiting(s) (segment[s].status == running && segment[s].activity == none)

/* The outside: so many events have happened, in order; a missing one has happened and is not in the inbox. */
byte happened
bit isRecalled
#define isMissing(e) (happened > (e) && row[e] == unknown)
#define missing (isMissing(0) + isMissing(1) + isMissing(2) + isMissing(3) + isMissing(4) + isMissing(5))
#define isOpen(r) (row[r] == pending || row[r] == signalled || row[r] == parked)
#define nobodyWaits \
    (!isOpen(0) && !isOpen(1) && !isOpen(2) && !isOpen(3) && !isOpen(4) && !isOpen(5) && !isOpen(INTERRUPT) && !isOpen(TIMER) && \
    !isOpen(CONTINUE))

/*
 * What a poll finds. Under LIVENESS it is no help while the event waits in the inbox: a run must not need a poll to make up for an
 * event that was acknowledged and that the protocol still has to deal with.
 */
#ifdef LIVENESS
#define isFound(e) (happened > (e) && !isOpen(e))
#else
#define isFound(e) (happened > (e))
#endif

#ifdef NO_EPOCH_CHECK
#define isCurrent(e) true
#else
#define isCurrent(e) (epoch == (e))
#endif

/* Scratch for loops and comparisons inside one step; always 0 between two steps. */
byte i
byte before

/* ---- Routing ---- */

#define waitsFor(s) \
    ((s) == FIRST_A -> 0 : ((s) == FIRST_B -> 1 : ((s) == SECOND_A -> 2 : ((s) == SECOND_B -> 3 : \
    ((s) == THIRD_A -> 4 : ((s) == THIRD_B -> 5 : NOTHING))))))
#define awaited waitsFor(state)

inline decide(r, route) {
    if
    :: owner == durable && (isOfDurableStep(r) || r == INTERRUPT) -> route = toSegment
    :: owner == durable && !isOfDurableStep(r) && r != INTERRUPT -> route = toParked
    :: owner == legacy && isOfDurableStep(r) && !isPinned && state <= FIRST_DONE && !isCompleted -> route = toParked
    :: owner == legacy && isOfDurableStep(r) && !isPinned && (state > FIRST_DONE || isCompleted) ->
        route = (awaited == r -> toLegacy : toLate)
    :: owner == legacy && (!isOfDurableStep(r) || isPinned) -> route = toLegacy
    fi
}

#ifdef ROUTE_AT_ACCEPT
mtype:route address[ROWS] = toLegacy
byte addressEpoch[ROWS]
#define epochToTell(r) addressEpoch[r]
inline noteAddress(r) { decide(r, address[r]); addressEpoch[r] = epoch }
#else
#define epochToTell(r) epochRead
inline noteAddress(r) { skip }
#endif

/* A row that comes again while it is being handled is queued again afterwards. */
inline makePending(r) {
    row[r] = pending;
    if
#ifndef NO_REQUEUE_AFTER_COMPLETE
    :: claimed == r -> TAKEN("comes again while it is handled"); isAgain = 1
#endif
    :: else -> queue = queue | bitOf(r)
    fi;
    noteAddress(r)
}

/* Arrival: a known id is dropped. */
inline accept(r) {
    if
    :: row[r] == unknown -> makePending(r)
    :: else -> TAKEN("duplicate dropped")
    fi
}

inline makeAllPending(disposition) {
    i = 0;
    do
    :: i < ROWS ->
        if
        :: row[i] == disposition -> makePending(i)
        :: else -> skip
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/* ---- Parts of transactions ---- */

/* I1: whoever changes the ownership knew the present one. */
inline changeHands(from, to) {
    HOLDS(1, epoch == from);
    epoch = from + 1;
    owner = to
}

/* I4: once, in order. */
inline completeStep(number) {
    HOLDS(4, stepsDone == number - 1);
    stepsDone = number
}

/* I3: what an event has made true is not taken back. */
#if defined(NO_VERSION_AT_RECALL) || defined(NO_VERSION_AT_SWEEP)
short usedRows
#define noteUse(r) usedRows = usedRows | bitOf(r)
#define keepsUsed(to) ((usedRows & bitOf(waitsFor(to))) == 0)
#else
#define noteUse(r) skip
#define keepsUsed(to) ((to) >= state)
#endif
inline writeState(to) {
    HOLDS(3, keepsUsed(to));
    state = to
}

/* ---- Legacy ---- */

/* The next state, by an event or by what a poll found. */
inline advance() {
    if
    :: state == FIRST_A -> state = FIRST_B
    :: state == FIRST_B -> completeStep(1); state = FIRST_DONE
    :: state == SECOND_A -> state = SECOND_B
    :: state == SECOND_B -> completeStep(2); state = SECOND_DONE
    :: state == THIRD_A -> state = THIRD_B
    :: state == THIRD_B -> completeStep(3); state = FINAL
    fi
}

/* Legacy's own way to begin a step; an added step that is not durable for this entity does not exist for it. */
inline handleContinue() {
    if
    :: state == FIRST_DONE ->
#ifdef ADDED
        stepsDone = 2;
        state = THIRD_A
#else
        TAKEN("legacy begins the durable step");
        state = SECOND_A
#endif
    :: state == SECOND_DONE -> state = THIRD_A
    :: else -> skip
    fi
}

/*
 * In a boundary state the plan says who goes on. An event that changed nothing gives the hand off its chance, too; after an
 * interruption the last segment is kept for the interrupt, else ignored events would need more segments than the model has.
 */
inline leaveBoundary(r, isEntered) {
    if
    :: state == FIRST_DONE && !isPinned && !isCompleted && (isEntered || r == INTERRUPT || segmentOf(epochRead + 1) < LAST) ->
        TAKEN("hand off");
        changeHands(epochRead, durable);
        if
        :: epoch > 2 -> TAKEN("hand off again")
        :: else -> skip
        fi;
        outbox[segmentOf(epoch)] = outbox[segmentOf(epoch)] | START;
        makeAllPending(parked)
    :: state == FIRST_DONE && (isPinned || isCompleted) && isEntered -> makePending(CONTINUE)
    :: state == SECOND_DONE && isEntered -> makePending(CONTINUE)
    :: else -> skip
    fi
}

inline runLegacy(r) {
    before = state;
    row[r] = (r == TIMER || r == CONTINUE -> unknown : consumed);
    if
    :: r == awaited -> noteUse(r); advance()
    :: r == TIMER && awaited != NOTHING && isFound(awaited) -> TAKEN("legacy polls"); advance()
    :: r == CONTINUE -> handleContinue()
    :: else -> TAKEN("ignored by legacy")
    fi;
    if
    :: state != before && (state == SECOND_A || state == THIRD_A || state == FINAL) -> makeAllPending(parked)
    :: else -> skip
    fi;
    leaveBoundary(r, state != before);
    before = 0;
    writeRecord()
}

/* ---- The bridge's handling of a row: read, decide, commit under the epoch that was read ---- */

inline commitRow(r) {
    if
    :: isCurrent(epochRead) ->
        isCommitted = 1;
        if
        :: routeRead == toLegacy ->
            HOLDS(2, owner == legacy && epoch == epochRead);
            runLegacy(r)
        :: routeRead == toSegment ->
            TAKEN("signalled");
            row[r] = signalled;
            outbox[segmentOf(epochToTell(r))] = outbox[segmentOf(epochToTell(r))] | signalOf(r)
        :: routeRead == toParked -> TAKEN("parked"); row[r] = parked
        :: routeRead == toLate -> TAKEN("late"); row[r] = late
        fi
    :: else -> TAKEN("stale claim decided anew"); releaseClaim()
    fi
}

/* The queue forgets a row that was handled, some time after its commit. */
inline complete() {
    queue = queue & ~bitOf(claimed);
    if
    :: isAgain -> queue = queue | bitOf(claimed)
    :: else -> skip
    fi;
    releaseClaim()
}

/* The cron job looks for a record that is stuck, when the queue is empty and there is something to find. */
#define needsSweep (owner == legacy && awaited != NOTHING && row[TIMER] == unknown && queue == 0 && isFound(awaited))

inline readClaimed() {
    epochRead = epoch;
#ifdef ROUTE_AT_ACCEPT
    routeRead = address[claimed]
#else
    decide(claimed, routeRead)
#endif
}

/* ---- The bridge's relay: sends the first message, marks it done afterwards ---- */

#define firstToTell (outbox[0] != 0 -> 0 : (outbox[SEGMENTS / 2] != 0 -> SEGMENTS / 2 : LAST))
#define isOutboxEmpty (outbox[0] == 0 && outbox[SEGMENTS / 2] == 0 && outbox[LAST] == 0)
#define isUnsent(message) ((outbox[sendingTo] & message) != 0)

/* A closed segment has nothing to remember, once its last activity is over. */
inline forgetClosed(s) {
    if
    :: segment[s].status == closed && segment[s].activity == none ->
        segment[s].place = entersFirst; segment[s].heard = 0; segment[s].used = 0; segment[s].isInterrupted = 0
    :: else -> skip
    fi
}

/* Starting twice is starting once, a signal is heard once, and a closed segment hears nothing. */
inline tell(s, message) {
    if
    :: message == START && segment[s].status == absent ->
        segment[s].status = running;
#ifdef ADDED
        segment[s].place = (hasFirst -> waitsSecond : waitsFirst)
#else
        segment[s].activity = scheduled
#endif
    :: message == CANCEL && segment[s].status == running -> TAKEN("cancelled"); segment[s].status = closed; forgetClosed(s)
    :: message != START && message != CANCEL && segment[s].status == running -> segment[s].heard = segment[s].heard | message
    :: message == START && segment[s].status != absent -> TAKEN("started twice")
    :: message != START && segment[s].status != running -> TAKEN("message to a closed segment dropped")
    fi
}

/* ---- The process of the bridge: handles rows, relays messages, sweeps ---- */

#ifdef NO_VERSION_AT_SWEEP
inline beginSweep() { sweptEpoch = epoch; sweptState = state }
#else
inline beginSweep() { sweptEpoch = epoch }
#endif

inline endSweep() {
    if
    :: epoch == sweptEpoch ->
        sweptEpoch = 0;
#ifdef NO_VERSION_AT_SWEEP
        writeState(sweptState);
        sweptState = 0;
#endif
        accept(TIMER);
        writeRecord()
    :: else -> sweptEpoch = 0
    fi
}

active proctype Bridge() {
    do
    :: atomic {
        claimed == NOTHING && queue != 0 ->
        if
        :: isQueued(CONTINUE) -> claimed = CONTINUE
        :: !isQueued(CONTINUE) && isQueued(0) -> claimed = 0
        :: !isQueued(CONTINUE) && isQueued(1) -> claimed = 1
        :: !isQueued(CONTINUE) && isQueued(2) -> claimed = 2
        :: !isQueued(CONTINUE) && isQueued(3) -> claimed = 3
        :: !isQueued(CONTINUE) && isQueued(4) -> claimed = 4
        :: !isQueued(CONTINUE) && isQueued(5) -> claimed = 5
        :: !isQueued(CONTINUE) && isQueued(INTERRUPT) -> claimed = INTERRUPT
        :: !isQueued(CONTINUE) && isQueued(TIMER) -> claimed = TIMER
        fi;
        d_step {
            if
            :: row[claimed] == pending -> readClaimed()
            :: else -> complete()
            fi
        }
    }
    :: d_step { claimed != NOTHING && !isCommitted -> commitRow(claimed) }
    :: d_step { isCommitted -> complete() }
    :: atomic {
        sending == 0 && !isOutboxEmpty ->
        sendingTo = firstToTell;
        if
        :: isUnsent(START) -> sending = START
        :: !isUnsent(START) && isUnsent(FIRST_SIGNAL) -> sending = FIRST_SIGNAL
        :: !isUnsent(START) && isUnsent(SECOND_SIGNAL) -> sending = SECOND_SIGNAL
        :: !isUnsent(START) && isUnsent(INTERRUPT_SIGNAL) -> sending = INTERRUPT_SIGNAL
        :: outbox[sendingTo] == CANCEL -> sending = CANCEL
        fi;
        d_step { tell(sendingTo, sending) }
    }
    :: d_step { sending != 0 -> outbox[sendingTo] = outbox[sendingTo] & ~sending; sending = 0; sendingTo = 0 }
    :: d_step { needsSweep && sweptEpoch == 0 -> beginSweep() }
    :: d_step { sweptEpoch != 0 -> endSweep() }
    od
}

/* ---- The engine: one process for each segment ---- */

inline consumeUsed(s) {
    if
    :: (segment[s].used & FIRST_SIGNAL) != 0 -> row[2] = consumed; noteUse(2)
    :: else -> skip
    fi;
    if
    :: (segment[s].used & SECOND_SIGNAL) != 0 -> row[3] = consumed; noteUse(3)
    :: else -> skip
    fi;
    queue = queue & ~((row[2] == consumed -> bitOf(2) : 0) | (row[3] == consumed -> bitOf(3) : 0))
}

/* A wait point: the legacy state that corresponds to it, with the events that have led to it. */
inline enter(s) {
    HOLDS(2, owner == durable && epoch == epochOf(s));
    writeState((segment[s].place == entersFirst -> SECOND_A : SECOND_B));
    consumeUsed(s);
    writeRecord()
}

inline handBack(s) {
    HOLDS(2, owner == durable && epoch == epochOf(s));
    consumeUsed(s);
    changeHands(epochOf(s), legacy);
    if
    :: segment[s].isInterrupted ->
        TAKEN("hand back, interrupted");
        hasFirst = hasFirst | ((segment[s].used & FIRST_SIGNAL) != 0)
    :: else ->
        TAKEN("hand back");
        completeStep(2);
        isCompleted = 1;
        hasFirst = 0;
#ifndef ADDED
        writeState(SECOND_DONE);
#endif
        makePending(CONTINUE)
    fi;
#ifndef NO_REQUEUE_AT_HAND_BACK
    makeAllPending(signalled);
#endif
    makeAllPending(parked);
    writeRecord()
}

inline perform(s) {
    if
    :: isCurrent(epochOf(s)) && segment[s].place == ends -> handBack(s); segment[s].activity = performed
    :: isCurrent(epochOf(s)) && segment[s].place != ends -> enter(s); segment[s].activity = performed
    :: !isCurrent(epochOf(s)) && segment[s].place == ends -> TAKEN("stale hand back refused"); segment[s].activity = refused
    :: !isCurrent(epochOf(s)) && segment[s].place != ends -> TAKEN("stale wait point refused"); segment[s].activity = refused
    fi
}

/* The result comes into the history. A refused wait point makes the step fail, which ends the segment. */
inline noteResult(s) {
    if
    :: segment[s].status == closed || segment[s].place == ends -> segment[s].status = closed; segment[s].activity = none
    :: segment[s].status == running && segment[s].place != ends && segment[s].activity == refused ->
        segment[s].place = ends; segment[s].activity = scheduled
    :: segment[s].status == running && segment[s].place != ends && segment[s].activity == performed ->
        segment[s].place = (segment[s].place == entersFirst -> waitsFirst : waitsSecond); segment[s].activity = none
    fi;
    forgetClosed(s)
}

#define eventWanted(s) (segment[s].place == waitsFirst -> 2 : 3)
#define signalWanted(s) (segment[s].place == waitsFirst -> FIRST_SIGNAL : SECOND_SIGNAL)

inline goOn(s) {
#ifdef ADDED
    if
    :: segment[s].place == waitsFirst -> segment[s].place = waitsSecond
    :: else -> segment[s].place = ends; segment[s].activity = scheduled
    fi
#else
    segment[s].place = (segment[s].place == waitsFirst -> entersSecond : ends);
    segment[s].activity = scheduled
#endif
}

inline work(s) {
    do
    :: d_step { segment[s].activity == scheduled -> perform(s) }
    :: d_step { isPerformed(s) -> noteResult(s) }
    :: d_step { isWaiting(s) && (segment[s].heard & signalWanted(s)) != 0 -> segment[s].used = segment[s].used | signalWanted(s); goOn(s) }
    :: d_step { isWaiting(s) && isFound(eventWanted(s)) -> TAKEN("segment polls"); goOn(s) }
#ifdef INTERRUPTIBLE
    :: d_step {
        isWaiting(s) && (segment[s].heard & INTERRUPT_SIGNAL) != 0 ->
        segment[s].isInterrupted = 1; segment[s].place = ends; segment[s].activity = scheduled
    }
#endif
    od
}

active proctype Engine() { work(0) }
#if SEGMENTS > 1
active proctype EngineOfSecondSegment() { work(1) }
#endif
#if SEGMENTS > 2
active proctype EngineOfThirdSegment() { work(2) }
#endif

/* ---- The outside ---- */

/* What must happen. An event is delivered at once, or it is missing for now. */
active proctype World() {
    do
    :: d_step { happened < EVENTS -> accept(happened); happened++ }
    :: d_step { happened < EVENTS && missing < LOSSES -> happened++ }
    od
}

inline recall() {
    TAKEN("recall");
    changeHands(epoch, legacy);
    isPinned = 1;
    isRecalled = 1;
#ifndef NO_REQUEUE_AT_RECALL
    makeAllPending(signalled);
#endif
    makeAllPending(parked);
    makePending(CONTINUE);
    outbox[segmentOf(epoch - 1)] = outbox[segmentOf(epoch - 1)] | CANCEL;
    writeRecord()
}

/* An operator reads, and commits some time later. */
#ifdef NO_VERSION_AT_RECALL
inline beginRecall() { recalledEpoch = epoch; recalledState = state }
#else
inline beginRecall() { recalledEpoch = epoch }
#endif

inline endRecall() {
    if
    :: epoch == recalledEpoch ->
        recalledEpoch = 0;
#ifdef NO_VERSION_AT_RECALL
        writeState(recalledState);
        recalledState = 0;
#endif
        recall()
    :: else -> recalledEpoch = 0
    fi
}

inline crashOfBridge() {
    TAKEN("crash of the bridge");
    releaseClaim();
    recalledEpoch = 0;
    sweptEpoch = 0;
    sending = 0;
    sendingTo = 0;
    queue = 0;
    i = 0;
    do
    :: i < ROWS -> queue = queue | (row[i] == pending -> bitOf(i) : 0); i++
    :: else -> break
    od;
    i = 0
}

inline crashOfEngine(s) {
    if
    :: isPerformed(s) -> TAKEN("crash of the engine"); segment[s].activity = scheduled
    :: else -> skip
    fi
}

#ifdef LIVENESS
bit hasBridgeCrashed
bit hasEngineCrashed
#define mayCrash(flag) (!flag)
#define noteCrash(flag) flag = 1
#else
#define mayCrash(flag) true
#define noteCrash(flag) skip
#endif

/* What may happen: fairness never demands any of it, because a copy of what has come may come again for ever. */
active proctype Fate() {
    do
    :: d_step {
        i = 0;
        do
        :: i < happened ->
            if
            :: row[i] != unknown -> accept(i)
            :: else -> skip
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
    :: d_step { sending != 0 -> tell(sendingTo, sending) }
    :: d_step { isMissing(0) -> TAKEN("comes late"); accept(0) }
    :: d_step { isMissing(1) -> accept(1) }
    :: d_step { isMissing(2) -> accept(2) }
    :: d_step { isMissing(3) -> accept(3) }
    :: d_step { isMissing(4) -> accept(4) }
    :: d_step { isMissing(5) -> accept(5) }
#ifdef INTERRUPTIBLE
    :: d_step { row[INTERRUPT] == unknown -> accept(INTERRUPT) }
#endif
    :: d_step { owner == durable && !isRecalled && recalledEpoch == 0 -> beginRecall() }
    :: d_step { recalledEpoch != 0 -> endRecall() }
    :: d_step { (claimed != NOTHING || sending != 0) && mayCrash(hasBridgeCrashed) -> crashOfBridge(); noteCrash(hasBridgeCrashed) }
    :: d_step {
        (isPerformed(0) || isPerformed(SEGMENTS / 2) || isPerformed(LAST)) && mayCrash(hasEngineCrashed) ->
        crashOfEngine(0);
        crashOfEngine(SEGMENTS / 2);
        crashOfEngine(LAST);
        noteCrash(hasEngineCrashed)
    }
    od
}

/* ---- What has to hold at the end; I1, I2 and I4 are asserted in the transactions ---- */

#ifdef LIVENESS
ltl I6 { <> (state == FINAL && nobodyWaits) }
#else
/* I3: when everything has been said, no acknowledged event waits for somebody who will never come. */
active proctype Auditor() {
    do
    :: d_step { state == FINAL && claimed == NOTHING && queue == 0 && isOutboxEmpty && sending == 0 -> HOLDS(3, nobodyWaits) }
    od
}
#endif
