/** An IRC server for one bot, which accepts the bot and stores the texts of its notices. */
export function startIrcServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const joined = Promise.withResolvers<void>();
  const texts: string[] = [];
  let arrived = Promise.withResolvers<void>();
  let connection: Deno.Conn | undefined;

  const answer = (nick: string, line: string): string => {
    const [command, first = ""] = line.split(" ");
    if (command === "USER") return `:irc.test 001 ${nick} :welcome\r\n`;
    if (command === "PING") return `:irc.test PONG irc.test ${first}\r\n`;
    if (command !== "JOIN") return "";
    joined.resolve();
    return `:${nick}!bot@irc.test JOIN ${first}\r\n`;
  };

  async function serve(): Promise<void> {
    for await (connection of listener) {
      const writer = connection.writable.getWriter();
      let nick = "", rest = "";
      for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split(/\r?\n/);
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (line.startsWith("NICK ")) nick = line.slice(5);
          const notice = /^NOTICE \S+ :(.*)$/.exec(line)?.[1];
          if (notice !== undefined) {
            texts.push(notice);
            arrived.resolve();
          }
          await writer.write(new TextEncoder().encode(answer(nick, line)));
        }
      }
    }
  }
  const serving = serve().catch(() => {});

  return {
    port: listener.addr.port,
    joined: joined.promise,
    /** Resolves when `count` notices have arrived. */
    notices: async (count: number): Promise<string[]> => {
      for (; texts.length < count; arrived = Promise.withResolvers()) await arrived.promise;
      return texts;
    },
    close: async (): Promise<void> => {
      listener.close();
      try {
        connection?.close();
      } catch {
        // The bot can close the connection first.
      }
      await serving;
    },
  };
}
