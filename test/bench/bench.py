#!/usr/bin/env python3
"""Compare SIP servers: CPU per operation, highest clean rate, start-up, memory.

  bench.py report  [--short]                 all of it, Strowger beside Kamailio where that is installed
  bench.py cost    --server NAME [--server NAME...] --scenario S
  bench.py ab      --a NAME --b NAME --scenario S --rounds 5
  bench.py max     --server NAME --scenario S
  bench.py startup --server NAME --scenario options
  bench.py mem     --scenario register       both servers, and the ratio for each contact

NAME is a key of servers.json, or NAME='command with {port} {uas1} {scenario}'.
CPU is the exact run time the scheduler keeps (the first field of schedstat),
summed over every thread of every process the start command left behind.
"""
import argparse, json, os, random, shlex, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, 'build')
UAC, UAS = 6170, 6180
PARTS = 8  # short loads that a round is made of
# name: load kind, rate for cost runs, callees, seconds for work done after the load, operations that warm it up
# (until V8 has compiled what is hot), AORs to fill first
SCENARIOS = {
    'invite':     dict(kind='invite',   rate=1200, uas=1, drain=6.5, warm=30000, fill=0),
    'dialog':     dict(kind='invite',   rate=1200, uas=1, drain=6.5, warm=30000, fill=0),
    'message':    dict(kind='message',  rate=4000, uas=1, drain=0.3, warm=50000, fill=0),
    'dispatcher': dict(kind='invite',   rate=1200, uas=2, drain=6.5, warm=30000, fill=0),
    'options':    dict(kind='options',  rate=4000, uas=0, drain=0.3, warm=50000, fill=0),
    'register':   dict(kind='register', rate=4000, uas=0, drain=0.3, warm=100000, fill=100000),
    'regauth':    dict(kind='regauth',  rate=2000, uas=0, drain=0.3, warm=100000, fill=100000),
    'lookup':     dict(kind='message',  rate=4000, uas=1, drain=0.3, warm=50000, fill=0, binds=True),
    'b2bua':      dict(kind='invite',   rate=1200, uas=1, drain=6.5, warm=30000, fill=0, alone=True),
    'loop':       dict(kind='options',  rate=100,  uas=0, drain=0.3, warm=2000, fill=0),
}

def sipload():
    exe, src = os.path.join(BUILD, 'sipload'), os.path.join(HERE, 'sipload.c')
    if not os.path.exists(exe) or os.path.getmtime(exe) < os.path.getmtime(src):
        os.makedirs(BUILD, exist_ok=True)
        subprocess.run(['gcc', '-O2', '-Wall', '-o', exe, src, '-lm'], check=True)
    return exe

def tree(root):
    """The process, all its descendants, and whatever stayed in its session."""
    parent, session = {}, {}
    for d in os.listdir('/proc'):
        if not d.isdigit():
            continue
        try:
            with open(f'/proc/{d}/stat') as f:
                rest = f.read().rsplit(')', 1)[1].split()
        except OSError:
            continue
        parent[int(d)], session[int(d)] = int(rest[1]), int(rest[3])
    found, grew = {root}, True
    while grew:
        grew = False
        for p, pp in parent.items():
            if p not in found and (pp in found or session[p] == root):
                found.add(p)
                grew = True
    return sorted(found & set(parent))

def zombie(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except OSError:
        return True

def port_free(port):
    """SO_REUSEADDR lets two servers share a UDP port, and the wrong one would be measured."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.bind(('127.0.0.1', port))
        return True
    except OSError:
        return False
    finally:
        s.close()

def cpu_ns(root):
    total = 0
    for p in tree(root):
        try:
            tasks = os.listdir(f'/proc/{p}/task')
        except OSError:
            continue
        for t in tasks:
            try:
                with open(f'/proc/{p}/task/{t}/schedstat') as f:
                    total += int(f.read().split()[0])
            except OSError:
                pass
    return total

def machine_busy():
    """(ns all cores were busy, ns stolen by the host) since boot."""
    with open('/proc/stat') as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    tick = 1e9 / os.sysconf('SC_CLK_TCK')
    return (sum(v) - v[3] - v[4] - v[7]) * tick, v[7] * tick

def pss_kb(root):
    total = 0
    for p in tree(root):
        try:
            with open(f'/proc/{p}/smaps_rollup') as f:
                for line in f:
                    if line.startswith('Pss:'):
                        total += int(line.split()[1])
        except OSError:
            pass
    return total

class Server:
    def __init__(self, spec, scenario, port, args):
        self.scenario, self.port, self.args = scenario, port, args
        table = json.load(open(os.path.join(HERE, 'servers.json')))
        if args.servers:
            table.update(json.load(open(args.servers)))
        if '=' in spec and spec not in table:
            self.name, cmd = spec.split('=', 1)
            entry = {'cmd': cmd}
        else:
            self.name, entry = spec, table[spec]
        self.entry = entry
        self.run = tempfile.mkdtemp(prefix='sipbench-')
        self.vars = dict(here=HERE, run=self.run, port=port, uas1=UAS, uas2=UAS + 1, scenario=scenario,
                         workers=args.workers,
                         kam_modules=os.environ.get('KAM_MODULES', '/usr/lib/x86_64-linux-gnu/kamailio/modules/'),
                         opensips=os.environ.get('OPENSIPS', 'opensips'),
                         opensips_modules=os.environ.get('OPENSIPS_MODULES', ''),
                         node_path=os.environ.get('NODE_PATH', ''))
        with open(os.path.join(self.run, 'ds.list'), 'w') as f:
            f.write(f'1 sip:127.0.0.1:{UAS}\n1 sip:127.0.0.1:{UAS + 1}\n')
        if 'render' in entry:  # a configuration without defines: fill it in here
            text = open(entry['render'].format(**self.vars)).read()
            for k, v in self.vars.items():
                text = text.replace(f'@{k}@', str(v))
            with open(os.path.join(self.run, f'opensips-{scenario}-{port}.cfg'), 'w') as f:
                f.write(text)

    def spawn(self):
        if not port_free(self.port):
            raise SystemExit(f'port {self.port} is taken; {self.name} was not started')
        cmd = shlex.split(self.entry['cmd'].format(**self.vars))
        env = dict(os.environ, **{k: v.format(**self.vars) for k, v in self.entry.get('env', {}).items()})
        self.log = open(os.path.join(self.run, 'log'), 'w')
        cpus = self.args.server_cpus
        self.p = subprocess.Popen(cmd, stdout=self.log, stderr=subprocess.STDOUT, env=env, cwd=self.run,
                                  start_new_session=True, stdin=subprocess.DEVNULL,
                                  preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None)

    def start(self):
        self.spawn()
        end = time.time() + 20
        while time.time() < end:  # one operation of the scenario itself says that it is up
            if self.p.poll() is not None:
                break
            if SCENARIOS[self.scenario].get('binds'):
                self.bind()
            r = load(self, count=1, window=1, extra=['-T', '100', '-g', '1000'])
            if r and r['ok'] == 1:
                time.sleep(0.5)
                return self
        tail = open(os.path.join(self.run, 'log')).read()[-1500:]
        self.stop()
        raise SystemExit(f'{self.name} did not start for {self.scenario}:\n{tail}')

    def bind(self):
        """Register the callee."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
            u.bind(('127.0.0.1', 0))
            u.sendto((f'REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{u.getsockname()[1]};branch=z9hG4bK{time.time_ns()}\r\n'
                      f'Max-Forwards: 70\r\nFrom: <sip:bob@127.0.0.1>;tag=b\r\nTo: <sip:bob@127.0.0.1>\r\nCall-ID: bind-{time.time_ns()}\r\n'
                      f'CSeq: 1 REGISTER\r\nContact: <sip:bob@127.0.0.1:{UAS}>\r\nContent-Length: 0\r\n\r\n').encode(), ('127.0.0.1', self.port))
            u.settimeout(0.1)
            try:
                u.recv(4096)
            except OSError:
                pass  # not up yet: start() tries again

    def stop(self):
        """End everything the start command left in its session; one still forking is asked again."""
        end = time.time() + 5
        while True:
            self.p.poll()
            pids = [p for p in tree(self.p.pid) if not zombie(p)]
            if not pids:
                break
            for p in pids:
                try:
                    os.kill(p, signal.SIGTERM if time.time() < end else signal.SIGKILL)
                except OSError:
                    pass
            time.sleep(0.05)
        self.p.wait()

    def fill(self):
        """Warm up; for a registrar, put every AOR in. Returns us per first registration."""
        s = SCENARIOS[self.scenario]
        c0 = cpu_ns(self.p.pid)
        n = self.args.aors if s['fill'] else s['warm']
        r = load(self, count=n, window=32)
        self.fill_us = (cpu_ns(self.p.pid) - c0) / 1000 / max(1, r['ok'])
        self.fill_bad = r['failed']
        if s['fill']:  # what was put in is refreshed: that is another way through the code
            load(self, count=s['warm'], window=32)
        time.sleep(s['drain'])
        c0, t0 = cpu_ns(self.p.pid), time.time()
        time.sleep(1.5)
        self.idle = (cpu_ns(self.p.pid) - c0) / (time.time() - t0)  # ns of CPU per second at rest

    def mark(self):
        self.marked = cpu_ns(self.p.pid), time.time()

    def since_mark(self):
        """us of CPU since the last mark, without what it uses at rest; marks anew."""
        c0, t0 = self.marked
        self.mark()
        return (self.marked[0] - c0 - self.idle * (self.marked[1] - t0)) / 1000

def load(srv, rate=None, secs=None, count=None, window=None, extra=()):
    s = SCENARIOS[srv.scenario]
    a = srv.args
    cmd = [sipload(), '-k', s['kind'], '-p', str(srv.port), '-c', str(UAC), '-s', str(UAS), '-S', str(max(1, s['uas'])),
           '-a', str(a.aors), '-C', str(a.callers), '-h', str(a.hold)]
    for flag, v in (('-r', rate), ('-t', secs), ('-n', count), ('-w', window)):
        if v:
            cmd += [flag, str(v)]
    if not a.no_spin:
        cmd.append('-B')
    cpus = a.gen_cpus
    p = subprocess.run(cmd + list(extra), capture_output=True, text=True,
                       preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None)
    try:
        return json.loads(p.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise SystemExit(f'sipload: {p.stderr.strip() or p.returncode}')

def clean(r, rate=None):
    """No failed operation, under 0.1% retransmitted, and the rate asked for was reached."""
    return (r['failed'] == 0 and r['ok'] > 0 and r['retrans'] <= 0.001 * r['requests']
            and (not rate or r['ops_per_s'] >= 0.98 * rate))

def one_run(srv, rate, secs):
    """One load; its CPU is counted by the caller, for what a call leaves behind is cleared away seconds later."""
    for attempt in range(3):  # the runs thrown away are counted and reported
        if attempt > 0:
            srv.mark()
        c0, t0, m0 = cpu_ns(srv.p.pid), time.time(), machine_busy()
        r = load(srv, rate=rate, secs=secs, window=None if rate else 32)
        c1, m1 = cpu_ns(srv.p.pid), machine_busy()
        span = (time.time() - t0) * 1e9
        # what other programs used of the machine meanwhile, in percent of one core; what the host took
        r['foreign_pct'] = max(0.0, 100 * (m1[0] - m0[0] - (c1 - c0) - r['gen_cpu_us'] * 1000 * r['ok']) / span)
        r['steal_pct'] = 100 * (m1[1] - m0[1]) / span
        r['us_op_gross'] = (c1 - c0) / 1000 / max(1, r['ok'])
        r['clean'], r['discarded'] = clean(r, rate), attempt
        if r['clean']:
            return r
        print(f'  {srv.name} {srv.scenario}: unclean run at {rate}/s: failed {r["failed"]} retrans {r["retrans"]} '
              f'rate {r["ops_per_s"]} codes {r["codes"]}', file=sys.stderr)
    return r

def in_turn(servers, rate, secs, rounds):
    """Short loads of the servers in turn (ABBA): what the host takes and gives meets all of them alike. For each server its
    runs; `us_op` of a run is all CPU since the run before, so that nothing is left out of the sum."""
    runs = [[] for _ in servers]
    for s in servers:
        s.mark()
    for n in range(rounds * PARTS):
        for i in range(len(servers)) if n % 2 == 0 else reversed(range(len(servers))):
            runs[i].append(one_run(servers[i], rate, secs / PARTS))
            runs[i][-1]['cpu_us'] = servers[i].since_mark()
    time.sleep(SCENARIOS[servers[0].scenario]['drain'])
    for s, v in zip(servers, runs):
        v[-1]['cpu_us'] += s.since_mark()
        for r in v:
            r['us_op'] = r['cpu_us'] / max(1, r['ok'])
    return runs

def per_op(runs):
    return sum(r['cpu_us'] for r in runs) / max(1, sum(r['ok'] for r in runs))

def ratio_of(a, b):
    """Ratio of all CPU for each operation, and the interval that holds 95 % of what resampled pairs of runs give."""
    pick = random.Random(1)
    n = len(a)
    again = sorted(per_op([a[k] for k in ks]) / per_op([b[k] for k in ks])
                   for ks in ([pick.randrange(n) for _ in range(n)] for _ in range(1000)))
    return per_op(a) / per_op(b), again[25], again[974]

def spread(v):
    return f'{min(v):.1f} / {statistics.median(v):.1f} / {max(v):.1f}'

def cost(a, specs, pair=False):
    out = []
    for sc in a.scenario:
        rate = a.rate or SCENARIOS[sc]['rate']
        servers = []
        alone = SCENARIOS[sc].get('alone', False)  # Kamailio has nothing like it
        try:
            for i, spec in enumerate([s for s in specs if not (alone and s.startswith('kam'))]):
                servers.append(Server(spec, sc, a.port + i, a).start())
            for s in servers:
                s.fill()
            paced = in_turn(servers, rate, a.secs, a.rounds)
            busy = in_turn(servers, None, a.secs, a.rounds)
            for s, v, w in zip(servers, paced, busy):
                row = dict(server=s.name, scenario=sc, workers=a.workers, rate=rate, rounds=a.rounds,
                           us_op=[r['us_op'] for r in v], mean=per_op(v), gross=statistics.median(r['us_op_gross'] for r in v),
                           busy_us_op=[r['us_op'] for r in w], busy_mean=per_op(w),
                           busy_ops_s=statistics.median(r['ops_per_s'] for r in w),
                           idle_us_per_s=s.idle / 1000, first_us=s.fill_us,
                           p50_us=statistics.median(r['lat_us']['p50'] for r in v),
                           p99_us=statistics.median(r['lat_us']['p99'] for r in v),
                           ops=sum(r['ok'] for r in v), failed=sum(r['failed'] for r in v),
                           discarded=sum(r['discarded'] for r in v + w),
                           foreign=statistics.median(r['foreign_pct'] for r in v + w),
                           steal=statistics.median(r['steal_pct'] for r in v + w),
                           retrans=sum(r['retrans'] for r in v), clean=all(r['clean'] for r in v + w))
                out.append(row)
                print(f'{sc:10} {s.name:16} {rate}/s  us/op {row["mean"]:.1f} (runs {spread(row["us_op"])})'
                      f'  busy {row["busy_mean"]:.1f} (runs {spread(row["busy_us_op"])}) at {row["busy_ops_s"]:.0f}/s'
                      f'  idle {row["idle_us_per_s"]:.0f} us/s  warm-up {s.fill_us:.1f} us/op'
                      f'  p50 {row["p50_us"]:.0f} p99 {row["p99_us"]:.0f} us'
                      f'  others {row["foreign"]:.0f}% stolen {row["steal"]:.0f}%'
                      f'  failed {row["failed"]} retrans {row["retrans"]} discarded runs {row["discarded"]}{"" if row["clean"] else "  UNCLEAN"}', flush=True)
            if pair and len(servers) == 2:
                for what, (one, other) in (('paced', paced), ('busy', busy)):
                    ratio, low, high = ratio_of(one, other)
                    out.append(dict(scenario=sc, what=what, ratio=ratio, low=low, high=high))
                    print(f'{sc:10} {servers[0].name}/{servers[1].name} {what} CPU ratio {ratio:.2f} ({low:.2f} to {high:.2f})', flush=True)
        finally:
            for s in servers:
                s.stop()
    return out

def max_rate(a, specs):
    out = []
    for sc in a.scenario:
        for spec in specs:
            s = Server(spec, sc, a.port, a).start()
            try:
                if SCENARIOS[sc]['fill']:
                    s.fill()
                est = load(s, secs=2, window=32)['ops_per_s']
                lo, hi, best = 0.0, est * 1.3, None
                rate = est * 0.85
                for _ in range(a.steps):
                    time.sleep(min(2.0, SCENARIOS[sc]['drain']))
                    r = load(s, rate=int(rate), secs=a.secs)
                    if not clean(r, rate):  # one second chance: the machine is shared
                        time.sleep(1)
                        r = load(s, rate=int(rate), secs=a.secs)
                    if clean(r, rate):
                        lo, best = rate, r
                    else:
                        hi = rate
                    if hi - lo < 0.04 * hi:
                        break
                    rate = (lo + hi) / 2 if lo else rate * 0.75
                row = dict(server=s.name, scenario=sc, workers=a.workers, closed_loop=est, max=int(lo),
                           p99_us=best['lat_us']['p99'] if best else None, gen_us=best['gen_cpu_us'] if best else None)
                out.append(row)
                print(f'{sc:10} {s.name:16} highest clean rate {row["max"]}/s  (closed loop, 32 in flight: {est:.0f}/s)'
                      f'  p99 there {row["p99_us"]} us  generator {row["gen_us"]} us/op', flush=True)
            finally:
                s.stop()
    return out

def startup(a, specs):
    out = []
    for sc in a.scenario:
        for spec in specs:
            v = []
            for n in range(a.rounds):
                s = Server(spec, sc, a.port, a)
                sk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sk.bind(('127.0.0.1', UAC))
                sk.settimeout(0.001)
                t0 = time.monotonic()
                s.spawn()
                up = None
                while time.monotonic() - t0 < 30 and s.p.poll() is None:
                    i = time.monotonic_ns()
                    m = (f'OPTIONS sip:127.0.0.1:{a.port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{UAC};branch=z9hG4bK{i};rport\r\n'
                         f'Max-Forwards: 0\r\nFrom: <sip:p@127.0.0.1>;tag={i}\r\nTo: <sip:127.0.0.1:{a.port}>\r\nCall-ID: {i}\r\n'
                         'CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n')
                    try:
                        sk.sendto(m.encode(), ('127.0.0.1', a.port))
                        if sk.recv(4096).startswith(b'SIP/2.0 '):
                            up = (time.monotonic() - t0) * 1000
                            break
                    except (ConnectionRefusedError, TimeoutError, socket.timeout):
                        pass
                    time.sleep(0.001)
                sk.close()
                s.stop()
                if up is None:
                    raise SystemExit(f'{s.name}: no answer; see {s.run}/log')
                v.append(up)
            out.append(dict(server=spec, scenario=sc, ms=v))
            print(f'{sc:10} {spec:16} ms to the first reply min/median/max {spread(v)}', flush=True)
    return out

def mem(a, specs):
    """Growth of resident memory for what stays after an operation: a contact of `register`. Both servers, and the ratio."""
    out = []
    specs = specs or beside_kamailio()
    for sc in a.scenario:
        fills = bool(SCENARIOS[sc]['fill'])
        per = {spec: [] for spec in specs}
        for _ in range(a.rounds):
            for spec in specs:
                s = Server(spec, sc, a.port, a).start()
                try:
                    # warm: code is compiled, the heap has the shape that traffic gives it; a registrar has 200 contacts
                    load(s, count=50000, window=32, extra=['-a', '200'] if fills else [])
                    time.sleep(SCENARIOS[sc]['drain'] + 1)
                    base = pss_kb(s.p.pid)
                    r = load(s, count=a.aors if fills else 20000, window=32)
                    # and what the first ones left behind is swept while they are refreshed
                    if fills:
                        load(s, count=a.aors, window=32)
                    after = pss_kb(s.p.pid)
                    left = r['ok'] - 200 if fills else r['ok']
                    row = dict(server=s.name, scenario=sc, processes=len(tree(s.p.pid)), base_kb=base, after_kb=after,
                               ops=r['ok'], bytes_per_op=(after - base) * 1024 / max(1, left), failed=r['failed'])
                    out.append(row)
                    per[spec].append(row['bytes_per_op'])
                    print(f'{sc:10} {s.name:16} PSS {base} KiB before, {after} KiB after {r["ok"]} operations:'
                          f' {row["bytes_per_op"]:.0f} bytes each ({row["processes"]} processes)', flush=True)
                finally:
                    s.stop()
        if len(specs) == 2:
            medians = [statistics.median(per[spec]) for spec in specs]
            out.append(dict(scenario=sc, what='memory', ratio=medians[0] / medians[1]))
            print(f'{sc:10} {specs[0]} {medians[0]:.0f} bytes, {specs[1]} {medians[1]:.0f} bytes'
                  f'{" a contact" if fills else ""} (medians of {a.rounds}): ratio {medians[0] / medians[1]:.2f}', flush=True)
    return out

def beside_kamailio():
    return ['strowger'] + (['kam-tlsf'] if shutil.which('kamailio') else [])

def transactions(a, specs):
    """Resident memory for each open transaction, and the cost of a call with few and with many of them open."""
    out = []
    for spec in specs:
        s = Server(spec, 'invite', a.port, a).start()
        try:
            load(s, count=3000, window=32)  # warm: code is compiled, the heap has its first shape
            time.sleep(6.5)
            def per_call(n):
                c0 = cpu_ns(s.p.pid)
                r = load(s, count=n, window=32)
                return (cpu_ns(s.p.pid) - c0) / 1000 / max(1, r['ok'])
            few = per_call(500)
            time.sleep(6.5)
            base, t0 = pss_kb(s.p.pid), time.time()
            per_call(9500)
            many = per_call(500)  # each call leaves two transactions, kept for five seconds
            after, took = pss_kb(s.p.pid), time.time() - t0
            row = dict(server=s.name, base_kb=base, after_kb=after, bytes_per_transaction=(after - base) * 1024 / 20000,
                       few_us=few, many_us=many, took_s=took)
            out.append(row)
            note = '' if took < 5 else f'  (took {took:.1f} s: some were gone already)'
            print(f'memory     {s.name:16} {row["bytes_per_transaction"]:.0f} bytes a transaction with 20,000 open'
                  f'  busy us/call {few:.1f} with few open, {many:.1f} with 20,000{note}', flush=True)
        finally:
            s.stop()
    return out

def report(a, specs):
    """Everything the project's README shows; --short is what CI has time for."""
    specs = beside_kamailio()
    if len(specs) == 1:
        print('kamailio is not installed (apt-get install kamailio): Strowger alone, no ratios', flush=True)
    if a.short:
        a.scenario, a.rounds, a.secs = ['options', 'invite', 'loop'], 1, 2.0
        return cost(a, specs, len(specs) == 2)
    rows = cost(a, specs, len(specs) == 2)
    rows += transactions(a, specs)
    a.scenario = ['options']
    rows += startup(a, specs)
    a.scenario, a.secs = ['invite', 'options', 'message', 'dispatcher'], 5
    rows += max_rate(a, specs)
    return rows

def cpuset(v):
    return {int(x) for x in v.split(',')} if v not in ('', 'any') else None

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('mode', choices=['report', 'cost', 'ab', 'max', 'startup', 'mem'])
    p.add_argument('--server', action='append', default=[])
    p.add_argument('--a'), p.add_argument('--b')
    p.add_argument('--servers', help='a JSON file with more start commands')
    p.add_argument('--scenario', default='all', help='comma separated, or all: ' + ' '.join(SCENARIOS))
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--secs', type=float)
    p.add_argument('--rate', type=float)
    p.add_argument('--steps', type=int, default=7)
    p.add_argument('--workers', type=int, default=1)
    p.add_argument('--callers', type=int, default=1, help='number of caller ports (servers that spread load by source port)')
    p.add_argument('--aors', type=int, default=100000)
    p.add_argument('--hold', type=int, default=0, help='ms between ACK and BYE')
    p.add_argument('--port', type=int, default=6160)
    p.add_argument('--server-cpus', type=cpuset, default=cpuset('0'), help='cores of the server, or any')
    p.add_argument('--gen-cpus', type=cpuset, default=cpuset('1'), help='cores of the generator, or any')
    p.add_argument('--no-spin', action='store_true', help='let the generator sleep (needed when it shares cores with the server)')
    p.add_argument('--short', action='store_true', help='report: a few scenarios, one round')
    p.add_argument('--json', help='append the rows to this file')
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are stopped on the way out
    a.scenario = list(SCENARIOS) if a.scenario == 'all' else a.scenario.split(',')
    a.secs = a.secs or (5 if a.mode == 'max' else 4)
    specs = [a.a, a.b] if a.mode == 'ab' else a.server
    if a.mode not in ('report', 'mem') and (not specs or None in specs):
        p.error('name a server')
    f = dict(report=report, cost=cost, ab=lambda a, s: cost(a, s, True), max=max_rate, startup=startup, mem=mem)[a.mode]
    rows = f(a, specs)
    if a.json:
        with open(a.json, 'a') as o:
            for r in rows:
                o.write(json.dumps(r) + '\n')

if __name__ == '__main__':
    main()
