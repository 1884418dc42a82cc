/** The local description with its candidates, so that a driver has two strings to pass and no more. */
export async function gathered(connection) {
  if (connection.iceGatheringState !== 'complete') {
    await new Promise((resolve) => {
      connection.addEventListener('icegatheringstatechange', () => {
        if (connection.iceGatheringState === 'complete') resolve();
      });
    });
  }
  return connection.localDescription.toJSON();
}

/**
 * What a driver needs to connect a page with another one: `offer`, `answer` and `finish`. `make` gives the channel of the side that
 * offers; `use` gets the channel on both sides.
 */
export const byDescriptions = (connection, make, use) => ({
  async offer() {
    use(make());
    await connection.setLocalDescription();
    return gathered(connection);
  },

  async answer(offer) {
    connection.addEventListener('datachannel', (event) => use(event.channel));
    await connection.setRemoteDescription(offer);
    await connection.setLocalDescription();
    return gathered(connection);
  },

  finish: (answer) => connection.setRemoteDescription(answer),
});
