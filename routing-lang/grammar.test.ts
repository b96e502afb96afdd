import assert from 'node:assert/strict';
import test from 'node:test';
import { type Expr, type Item, parseScript, type Statement } from './index.ts';

function parse(text: string, options: { strict?: boolean; files?: Record<string, string> } = {}) {
  const files = new Map(Object.entries(options.files ?? {}));
  const readFile = (path: string): string | null => files.get(path) ?? null;
  return parseScript('x.cfg', { readFile, strict: options.strict ?? false }, text);
}

/** Diagnostics as `line:column code`. */
function report(text: string): string[] {
  return parse(text)
    .diagnostics.sorted()
    .map((d) => `${d.line}:${d.column} ${d.code}`);
}

function items(text: string): readonly Item[] {
  const { script, diagnostics } = parse(text);
  assert.deepEqual(
    diagnostics.items.filter((d) => d.severity === 'error').map((d) => d.message),
    [],
    text,
  );
  return script.items;
}

/** A tree without its spans, as JSON would have it. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, v: unknown) => (/span$/i.test(key) ? undefined : v)));
}

/** The statements of a request route. */
function body(text: string): readonly Statement[] {
  const route = items(`request_route {\n${text}\n}`)[0];
  assert.ok(route?.type === 'route');
  return route.body;
}

/** An expression in prefix form. */
function show(e: Expr): string {
  if (e.type === 'binary') return `(${e.op} ${show(e.left)} ${show(e.right)})`;
  if (e.type === 'unary') return `(${e.op} ${show(e.operand)})`;
  if (e.type === 'call') return `${e.name}${e.isBare ? '' : `(${e.args.map(show).join(', ')})`}`;
  if (e.type === 'assignExpr') return `(= ${e.target.pv.text} ${show(e.value)})`;
  if (e.type === 'pv') return e.pv.text;
  if (e.type === 'string') return JSON.stringify(e.value);
  if (e.type === 'number') return String(e.value);
  if (e.type === 'select') return `@${e.text}`;
  if (e.type === 'regex') return `/${e.pattern}/${e.flags}`;
  return e.type === 'keyword' ? `<${e.name}>` : `'${e.value}'`;
}

function condition(text: string): string {
  const statement = body(`if (${text}) exit;`)[0];
  assert.ok(statement?.type === 'if');
  return show(statement.test);
}

test('operators: precedence and associativity as kamailio 5.6.3 evaluates', () => {
  const rows: [text: string, tree: string][] = [
    ['1+2*3', '(+ 1 (* 2 3))'],
    ['1-2-3', '(- (- 1 2) 3)'],
    ['7 mod 4*2', '(* (mod 7 4) 2)'],
    ['1<<2+1', '(<< 1 (+ 2 1))'],
    ['2^3&1', '(& (^ 2 3) 1)'],
    ['1&3^2', '(& 1 (^ 3 2))'],
    ['2|1&4', '(| 2 (& 1 4))'],
    ['1|2==2', '(| 1 (== 2 2))'],
    ['5==1<2', '(== 5 (< 1 2))'],
    // Shifts bind looser than comparisons.
    ['1==1<<1', '(<< (== 1 1) 1)'],
    ['3<4<<1', '(<< (< 3 4) 1)'],
    ['1^1<<1', '(^ 1 (<< 1 1))'],
    ['1 && 0 || 1', '(|| (&& 1 0) 1)'],
    ['0 or 1 and 0', '(|| 0 (&& 1 0))'],
    ['1 || 1<<1', '(|| 1 (<< 1 1))'],
    ['"abc"=~"b"+"c"', '(=~ "abc" (+ "b" "c"))'],
    ['"abc" =~ "b"==1', '(== (=~ "abc" "b") 1)'],
    ['!0 == 5', '(== (! 0) 5)'],
    ['not 0 == 5', '(== (! 0) 5)'],
    ['- $a - -1', '(- (- $a) -1)'],
    ['~1+1', '(+ (~ 1) 1)'],
    ['defined $avp(q) == 0', '(== (defined $avp(q)) 0)'],
    ['(int)"5"+1', '(+ ((int) "5") 1)'],
    ['strlen("a"+"b")*2', '(* (strlen (+ "a" "b")) 2)'],
    ['$a eq "5"', '(eq $a "5")'],
    ['(1+2)*3', '(* (+ 1 2) 3)'],
    ['$var(x) = 1 && 0', '(= $var(x) (&& 1 0))'],
    ['($var(x) = f()) > 0', '(> (= $var(x) f()) 0)'],
    ['!t_relay() && 1', '(&& (! t_relay()) 1)'],
    ['force_rport', 'force_rport'],
  ];
  for (const [text, tree] of rows) assert.equal(condition(text), tree, text);
});

test('old-style comparisons are units', () => {
  const rows: [text: string, tree: string][] = [
    ['uri==myself', "(== <uri> 'myself')"],
    ['myself==uri', "(== 'myself' <uri>)"],
    ['!uri==myself', "(! (== <uri> 'myself'))"],
    ['uri==myself+1', "(+ (== <uri> 'myself') 1)"],
    ['method==INVITE && 1', "(&& (== <method> 'INVITE') 1)"],
    ['method=="A"+"B" || 1', '(|| (== <method> (+ "A" "B")) 1)'],
    ['src_ip==10.0.0.0/8', "(== <src_ip> '10.0.0.0/8')"],
    ['src_ip==10.0.0.0 / 255.0.0.0', "(== <src_ip> '10.0.0.0/255.0.0.0')"],
    ['src_ip==[2001:db8::1]', "(== <src_ip> '[2001:db8::1]')"],
    ['src_ip==2001:db8::/32', "(== <src_ip> '2001:db8::/32')"],
    ['src_ip!=sip-1.example.org', "(!= <src_ip> 'sip-1.example.org')"],
    ['proto==WS', "(== <proto> 'WS')"],
    ['af==INET6', "(== <af> 'INET6')"],
    ['msg:len > 1+1', '(> <msg:len> (+ 1 1))'],
    ['status=~"2.."', '(=~ <status> "2..")'],
    ['dst_port==$Rp', '(== <dst_port> $Rp)'],
  ];
  for (const [text, tree] of rows) assert.equal(condition(text), tree, text);
});

test('values: strings, numbers, selects, words', () => {
  const rows: [text: string, tree: string][] = [
    ['"a" "b"\n"c"', '"abc"'],
    ['"a\\"b\\n\\t\\\\"', '"a\\"b\\n\\t\\\\"'],
    ['"\\x41\\101\\18\\q\\$"', '"AA\\\\18\\\\q\\\\$"'],
    ['"a\\\nb"', '"ab"'],
    ["'a\\n'", '"a\\\\n"'],
    ['"a$ru"', '"a$ru"'],
    ['0x1F', '31'],
    ['010', '8'],
    ['4294967295', '-1'],
    ['2147483648', '-2147483648'],
    ['99999999999', '1215752191'],
    ['yes', '1'],
    ['off', '0'],
    ['@to.tag == "x"', '(== @to.tag "x")'],
    ['@hf_value["x"]', '@hf_value["x"]'],
    ['@msg.header[-1].uri', '@msg.header[-1].uri'],
    ['%did', '%did'],
  ];
  for (const [text, tree] of rows) assert.equal(condition(text), tree, text);
});

test('select parts and old attributes', () => {
  const [first] = body('if (@via[1].host["a"] && $f.did) exit;');
  assert.ok(first?.type === 'if' && first.test.type === 'binary');
  assert.deepEqual(plain(first.test.left), {
    type: 'select',
    parts: [
      { name: 'via', index: 1 },
      { name: 'host', index: 'a' },
    ],
    text: 'via[1].host["a"]',
  });
  assert.ok(first.test.right.type === 'pv');
  assert.deepEqual([first.test.right.pv.className, first.test.right.pv.name], ['avp', 'f.did']);
});

test('statements', () => {
  const rows: [text: string, expected: unknown[]][] = [
    [';', [{ type: 'empty' }]],
    ['exit();', [{ type: 'exit', value: null }]],
    ['return -1;', [{ type: 'return', value: { type: 'number', value: -1 } }]],
    ['drop;', [{ type: 'drop', value: null }]],
    ['break;', [{ type: 'break' }]],
    ['while 1 break;', [{ type: 'while', test: { type: 'number', value: 1 }, body: [{ type: 'break' }] }]],
  ];
  for (const [text, expected] of rows) assert.deepEqual(plain(body(text)), expected, text);
});

test('if: else if chains nest, an else belongs to the nearest if, braces and parentheses may lack', () => {
  const shape = (list: readonly Statement[]): unknown =>
    list.map((s) => (s.type === 'if' ? [show(s.test), shape(s.then), s.otherwise && shape(s.otherwise)] : s.type));
  assert.deepEqual(shape(body('if (1) exit; else if 2 { drop; } else { break; }')), [
    ['1', ['exit'], [['2', ['drop'], ['break']]]],
  ]);
  assert.deepEqual(shape(body('if (1) if (2) exit; else drop;')), [['1', [['2', ['exit'], ['drop']]], null]]);
  assert.deepEqual(shape(body('if (1) { exit; }; if $a==1 && $b drop;')), [
    ['1', ['exit'], null],
    'empty',
    ['(&& (== $a 1) $b)', ['drop'], null],
  ]);
});

test('switch: labels, fall through, breaks in nested blocks', () => {
  const [statement] = body(
    'switch($rc) { case -1: exit; break; case "a": case /"^b": if (1) { break; } drop; default: ; }',
  );
  assert.ok(statement?.type === 'switch');
  const labels = statement.cases.map((c) => [c.label && show(c.label), c.body.map((s) => s.type)]);
  assert.deepEqual(labels, [
    ['-1', ['exit', 'break']],
    ['"a"', []],
    ['/^b/', ['if', 'drop']],
    [null, ['empty']],
  ]);
});

test('calls: words where core commands take them', () => {
  const call = (text: string): string => {
    const statement = body(`${text};`)[0];
    assert.ok(statement?.type === 'expr');
    return show(statement.expr);
  };
  assert.equal(call('route(A)'), "route('A')");
  assert.equal(call('route("A" + $var(x))'), 'route((+ "A" $var(x)))');
  assert.equal(call('route(t_relay())'), 'route(t_relay())');
  assert.equal(call('forward(uri:host, 5060)'), "forward('uri:host', 5060)");
  assert.equal(call('force_send_socket(udp:10.0.0.1:5060)'), "force_send_socket('udp:10.0.0.1:5060')");
  assert.equal(call('force_send_socket(tls:[::1]:5061)'), "force_send_socket('tls:[::1]:5061')");
  assert.equal(call('setflag(FLT_ACC)'), "setflag('FLT_ACC')");
  assert.equal(call('xlog("L_INFO", "a" "b")'), 'xlog("L_INFO", "ab")');
  assert.equal(call('revert_uri'), 'revert_uri');
});

test('routes: kinds and names', () => {
  const rows: [head: string, kind: string, name: string | null][] = [
    ['route', 'request', null],
    ['request_route', 'request', null],
    ['route[0]', 'request', null],
    ['route[A]', 'route', 'A'],
    ['route[1]', 'route', '1'],
    ['route[0x10]', 'route', '16'],
    ['route["a b"]', 'route', 'a b'],
    ['reply_route', 'reply', null],
    ['onreply_route', 'reply', null],
    ['onreply_route[0]', 'reply', null],
    ['onreply_route[A]', 'onreply', 'A'],
    ['failure_route[A]', 'failure', 'A'],
    ['failure_route', 'failure', '0'],
    ['branch_route["x-y"]', 'branch', 'x-y'],
    ['onsend_route', 'onsend', null],
    ['event_route[tm:branch-failure:x]', 'event', 'tm:branch-failure:x'],
    ['event_route [ htable:mod-init ]', 'event', 'htable:mod-init'],
    ['route[a-b]', 'route', 'a-b'],
  ];
  for (const [head, kind, name] of rows) {
    const [route] = items(`${head} { exit; }`);
    assert.ok(route?.type === 'route');
    assert.deepEqual([route.kind, route.name], [kind, name], head);
  }
});

test('global parameters and their values', () => {
  const rows: [text: string, name: string, values: unknown[]][] = [
    ['debug=-1', 'debug', [-1]],
    ['children=0x10;', 'children', [16]],
    ['disable_tcp=yes', 'disable_tcp', [1]],
    ['log_facility=LOG_LOCAL0', 'log_facility', ['LOG_LOCAL0']],
    ['server_header="a" "b"', 'server_header', ['ab']],
    ['alias=a.example.org "b" tcp:c:5061\n10.0.0.1', 'alias', ['a.example.org', 'b', 'tcp:c:5061', '10.0.0.1']],
    ['alias=a-b.example.org\ndebug=1', 'alias', ['a-b.example.org']],
    ['alias=a\nx.y = 1', 'alias', ['a']],
    ['alias="a":5060 b\nloadmodule "x.so"', 'alias', ['a:5060', 'b']],
    ['wdir=/var/run/x', 'wdir', ['/var/run/x']],
    ['flags A:1, B;', 'flags', ['A:1', 'B']],
    ['cfgengine "native"', 'cfgengine', ['native']],
    ['coreparam[random_engine] = "fast"', 'coreparam[random_engine]', ['fast']],
  ];
  for (const [text, name, values] of rows) {
    const [param] = items(text);
    assert.ok(param?.type === 'coreParam', text);
    assert.deepEqual([param.name, param.values.map((v) => v.value)], [name, values], text);
  }
});

test('custom parameters, modules', () => {
  assert.deepEqual(plain(items('pstn.gw = "1.2.3.4" desc "the gateway"\na[1].b=yes')), [
    {
      type: 'customParam',
      group: 'pstn',
      groupId: null,
      name: 'gw',
      value: { value: '1.2.3.4', kind: 'string' },
      description: 'the gateway',
    },
    {
      type: 'customParam',
      group: 'a',
      groupId: 1,
      name: 'b',
      value: { value: 1, kind: 'number' },
      description: null,
    },
  ]);
  assert.deepEqual(
    plain(items('mpath="/x:/y"\nloadmodule "t" "m.so"\nmodparam("a|b", "c", -1);\nmodparamx("a", "c", "$def(A)")')),
    [
      { type: 'loadPath', path: '/x:/y' },
      { type: 'loadModule', name: 'tm.so', isDynamic: false, options: null },
      { type: 'modParam', modules: 'a|b', name: 'c', value: -1, isDynamic: false },
      { type: 'modParam', modules: 'a', name: 'c', value: '$def(A)', isDynamic: true },
    ],
  );
});

test('listen and socket', () => {
  const listen = (text: string): unknown[] =>
    items(text).map((item) => {
      assert.ok(item.type === 'listen');
      const sockets = item.sockets.map((s) => `${s.proto ?? '*'}:${s.host}:${s.port ?? '*'}`);
      const advertise = item.advertise === null ? null : `${item.advertise.host}:${item.advertise.port ?? '*'}`;
      return [sockets, advertise, item.name, item.isVirtual];
    });
  const rows: [text: string, expected: unknown[]][] = [
    ['listen=udp:10.0.0.1:5060', [[['udp:10.0.0.1:5060'], null, null, false]]],
    ['listen=UDP:10.0.0.1', [[['udp:10.0.0.1:*'], null, null, false]]],
    ['listen=eth0', [[['*:eth0:*'], null, null, false]]],
    ['listen=[::1]:5060', [[['*:[::1]:5060'], null, null, false]]],
    ['listen=::1', [[['*:::1:*'], null, null, false]]],
    ['listen=udp:"a b":1', [[['udp:a b:1'], null, null, false]]],
    ['listen=udp:(a, b):1', [[['udp:a:1', 'udp:b:1'], null, null, false]]],
    ['listen=udp:a:1\ntcp:b:2', [[['udp:a:1', 'tcp:b:2'], null, null, false]]],
    ['listen=udp:a:1 advertise x.org:2 name "n" virtual', [[['udp:a:1'], 'x.org:2', 'n', true]]],
    ['socket = { bind = udp:a:1; advertise = b:2; name = "s"; virtual = yes; }', [[['udp:a:1'], 'b:2', 's', true]]],
    [
      'socket = { bind = udp:a:1-2; advertise = b:7; name = "s"; }',
      [
        [['udp:a:1'], 'b:7', 's1', false],
        [['udp:a:2'], 'b:8', 's2', false],
      ],
    ],
  ];
  for (const [text, expected] of rows) assert.deepEqual(listen(text), expected, text);
});

test('attributes of a socket that nothing comes of are told', () => {
  const { items } = parse('socket = { bind = udp:a:1; workers = 4; vrf = "red" }\nrequest_route { exit; }').diagnostics;
  assert.deepEqual(
    items.map(({ code, severity }) => `${severity} ${code}`),
    ['notice no-effect', 'notice no-effect', 'warning newer-syntax'],
  );
});

test('errors: every mistake once, with its place; what is right between them is read', () => {
  const script = `debug=
loadmodule tm.so
request_route {
  if ($ru == ) { xlog("a") exit; }
  t_relay(
  exit;
  $var(x) = $(ru{s.len;
  xlog("b"); }
route[A] {
  if (1) { exit }
  switch($rc) { exit; case 1: { exit; } }
  $var(y) = nope;
}
failure_route[B] { t_relay() && exit; }
`;
  assert.deepEqual(report(script), [
    '2:1 syntax',
    '2:12 syntax',
    '4:14 syntax',
    '4:28 syntax',
    '6:3 syntax',
    '7:13 unclosed-variable',
    '10:15 missing-semicolon',
    '11:17 syntax',
    '11:31 syntax',
    '12:13 bare-word',
    '14:30 syntax',
  ]);
});

test('errors: a missing brace does not swallow the routes behind it', () => {
  const { script, diagnostics } = parse(
    'request_route {\n if (1) {\n exit;\n}\nroute[A] { exit; }\nroute[B] { exit; }\n',
  );
  assert.equal(diagnostics.errorCount, 1);
  assert.deepEqual(
    script.items.map((i) => (i.type === 'route' ? i.name : '')),
    [null, 'A', 'B'],
  );
});

test('errors: hints for common slips', () => {
  const hint = (text: string): string | undefined => parse(`request_route {\n${text}\n}`).diagnostics.items[0]?.hint;
  assert.equal(hint('if ($ru{s.len} > 1) exit;'), 'write $(ru{s.len})');
  assert.equal(hint('if ($avp(x)[1]) exit;'), 'write $(avp(x)[1])');
  assert.equal(hint('if ($si == 10.0.0.1) exit;'), 'write it in quotes: "10.0.0.1"');
  assert.equal(hint('if ($a !~ "x") exit;'), 'write !(a =~ b)');
  assert.equal(hint('route[A];'), 'write route(A)');
  assert.equal(parse('rout[A] { exit; }').diagnostics.items[0]?.hint, 'did you mean route?');
  assert.equal(parse('local_route { exit; }').diagnostics.items[0]?.hint, 'use event_route[tm:local-request]');
});

test('older and newer syntax is read with a warning, and refused when strict', () => {
  const rows: [text: string, code: string][] = [
    ['$avp(x)[1] = 1;', 'older-syntax'],
    ['$var(x) := 1;', 'older-syntax'],
    ['while (1) { continue; }', 'newer-syntax'],
    ['if ($rU =^ "00") exit;', 'lax-syntax'],
    ['route(a-b);', 'lax-syntax'],
    ['$var(x) = \'a\' "b";', 'lax-syntax'],
  ];
  for (const [text, code] of rows) {
    const script = `request_route {\n${text}\n}`;
    assert.deepEqual(
      parse(script).diagnostics.items.map((d) => [d.code, d.severity]),
      [[code, 'warning']],
      text,
    );
    assert.equal(parse(script, { strict: true }).diagnostics.errorCount, 1, text);
  }
});

test('nesting is bounded', () => {
  const deep = (open: string, inner: string, close: string): string =>
    `request_route {\n${open.repeat(5000)}${inner}${close.repeat(5000)}\n}`;
  for (const script of [
    deep('if (1) { ', 'exit;', ' }'),
    `request_route { if (${'('.repeat(5000)}1${')'.repeat(5000)}) exit; }`,
    `request_route { ${'if (1) '.repeat(5000)} exit; }`,
    `request_route { $var(x) = ${'f('.repeat(5000)}; }`,
  ]) {
    assert.ok(parse(script).diagnostics.items.some((d) => d.code === 'too-deep'));
  }
  // Not nested: a long chain and a long expression.
  const chain = `if (0) exit; ${'else if (1) exit; '.repeat(2000)}`;
  assert.deepEqual(
    report(`request_route { ${chain} $var(x) = 1${' + 1'.repeat(5000)}; ${'!'.repeat(100)}exit; }`).slice(1),
    [],
  );
});

test('spans cover the source of their nodes', () => {
  const text = 'request_route {\n  if ($ru == "x") t_relay();\n}';
  const { script, source } = parse(text);
  const route = script.items[0];
  assert.ok(route?.type === 'route');
  const at = (span: { start: number; end: number }): string => source.text.slice(span.start, span.end);
  assert.equal(at(route.span), text);
  const [statement] = route.body;
  assert.ok(statement?.type === 'if');
  assert.equal(at(statement.span), 'if ($ru == "x") t_relay();');
  assert.equal(at(statement.test.span), '($ru == "x")');
});
